// Engine units: each spec is compiled together with the sources it imports, all checks on.
//
// A spec has a managed heap of its own, for the test framework only. The engine's arena is placed
// where linear memory ends when the spec calls its init, so the two never overlap.

// Random units ask for it (tests/engine/random.ts) and name it; SEED=… replays a run.
const SEED = Number(process.env["SEED"] ?? Date.now() % 1_000_000);

export default {
  entries: ["tests/engine/**/*.spec.ts"],
  include: ["tests/engine/**/*.include.ts"],
  disclude: [/node_modules/],
  async instantiate(_memory, createImports, instantiate, binary) {
    return instantiate(binary, createImports({ env: {}, random: { seed: () => SEED } }));
  },
  outputBinary: false,
};
