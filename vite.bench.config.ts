// The benchmarks, built for Node from source, so that they measure what is in the tree.

import { defineConfig } from "vite";
import { engineWasm } from "./scripts/engine-plugin.ts";

export default defineConfig({
  plugins: [engineWasm()],
  publicDir: false,
  build: {
    target: "node20",
    outDir: "build/bench",
    emptyOutDir: true,
    sourcemap: true,
    minify: false,
    ssr: "bench/main.ts",
    rolldownOptions: {
      external: [/^node:/, "mitata", "playwright-core"],
      output: { entryFileNames: "[name].js", format: "es" },
    },
  },
  ssr: { target: "node" },
});
