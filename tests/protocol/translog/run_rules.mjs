// Runs the proof rules of verifier.html on the cases that a test writes to standard input, and prints their reports.
import { readFileSync } from "node:fs";

const [, , page, runner] = process.argv;
const script = (text, id) => new RegExp(`<script id="${id}">([^]*?)</script>`).exec(text)[1];
const rules = script(readFileSync(page, "utf8"), "rules");
const cases = JSON.parse(readFileSync(0, "utf8"));
const run = new Function(`${rules}\n${readFileSync(runner, "utf8")}\nreturn runCases;`)();
process.stdout.write(JSON.stringify(await run(cases)));
