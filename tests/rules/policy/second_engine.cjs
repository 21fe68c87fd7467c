// Reads {schema, policies: {partner: {id: policy}}, questions: [...]} from standard input, and answers as the official
// cedar-wasm does: {warnings: [...], answers: ["allow" | "deny" | "failure", ...]}.
const cedar = require(process.argv[2]);
const asked = JSON.parse(require("fs").readFileSync(0, "utf8"));
const warnings = [];
cedar.preparseSchema("schema", asked.schema);
for (const [partner, staticPolicies] of Object.entries(asked.policies)) {
  const found = cedar.validate({ schema: asked.schema, policies: { staticPolicies } });
  for (const one of found.type === "failure" ? found.errors : [...found.validationErrors, ...found.validationWarnings]) {
    warnings.push(`${partner}: ${JSON.stringify(one)}`);
  }
  cedar.preparsePolicySet(partner, { staticPolicies });
}
const answers = asked.questions.map((question) => {
  const answer = cedar.statefulIsAuthorized({
    ...question.call,
    preparsedSchemaName: "schema",
    validateRequest: true,
    preparsedPolicySetId: question.partner,
  });
  const failed = answer.type === "failure" || answer.response.diagnostics.errors.length > 0;
  return failed ? "failure" : answer.response.decision;
});
process.stdout.write(JSON.stringify({ warnings, answers }));
