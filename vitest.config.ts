// Tests of everything but the engine's own units (those are as-pect's, in tests/engine).
//
// The engine is the real one: `virtual:engine-wasm` is build/release.wasm, and a test that wants
// the checks of the debug build reads build/debug.wasm.

import { defineConfig } from "vitest/config";
import { engineWasm } from "./scripts/engine-plugin.ts";

export default defineConfig({
  plugins: [engineWasm()],
  test: {
    include: ["tests/**/*.test.ts", "bench/**/*.test.ts"],
    exclude: ["tests/engine/**", "node_modules/**"],
    environment: "node",
    pool: "threads",
    maxWorkers: 2,
    testTimeout: 60_000,
    reporters: ["default", ["json", { outputFile: "build/test/vitest.json" }]],
  },
});
