// In Node and in a browser: each case through the rules, to what Python's report is compared with.
const runCases = async (cases) => {
  const bytes = (text) => Uint8Array.from(atob(text), (char) => char.charCodeAt(0));
  const run = {
    bundle: async (each) => attacheRules.verifyBundle(bytes(each.raw), await Promise.all(each.descriptors.map((raw) => attacheRules.openDescriptor(bytes(raw))))),
    entry: (each) => attacheRules.verifyEntry(bytes(each.raw), each.vkeys),
    directory: (each) => attacheRules.verifyDirectory(async (path) => (path in each.files ? bytes(each.files[path]) : null), each.vkeys),
    tree: async (each) => ({ root: attacheRules.toHex(await attacheRules.rootOf(await Promise.all(each.leaves.map((leaf) => attacheRules.leafHash(bytes(leaf)))))) }),
    shake: (each) => ({ digests: [attacheRules.shake128, attacheRules.shake256].map((shake) => attacheRules.toHex(shake(bytes(each.raw))(500))) }),
    signature: (each) => ({ verdict: attacheRules.isMlDsa(each.level, bytes(each.key), bytes(each.message), bytes(each.signature)) }),
    checkpoint: async (each) => {
      const keys = await Promise.all(each.vkeys.map((text) => attacheRules.parseVkey(text)));
      return { verified: (await attacheRules.openCheckpoint(bytes(each.raw), keys)).verified.map(({ key }) => key.text) };
    },
  };
  const results = [];
  for (const each of cases) {
    const { sound, checks, ...rest } = await run[each.kind](each);
    const failed = (checks ?? []).filter((check) => check.outcome === "failed").map((check) => [check.step, check.code]);
    const proven = (checks ?? []).filter((check) => check.outcome === "proven").map((check) => check.step);
    results.push({ name: each.name, sound, failed, proven, ...rest });
  }
  return results;
};
