// The library and the command line: one build, so that they share their chunks.
//
// `index`, `slim` and `sync` must never reach a Node builtin; tests/package looks at the result.

import { defineConfig } from "vite";
import { engineWasm } from "./scripts/engine-plugin.ts";

export default defineConfig({
  plugins: [engineWasm()],
  publicDir: false,
  build: {
    target: "es2022",
    outDir: "dist",
    sourcemap: true,
    minify: false,
    lib: {
      formats: ["es"],
      entry: {
        index: "src/index.ts",
        slim: "src/slim.ts",
        sync: "src/sync.ts",
        "backing/node-fs": "src/backing/node-fs.ts",
        "cli/main": "src/cli/main.ts",
      },
    },
    rolldownOptions: {
      external: [/^node:/, "commander", "cli-progress"],
      output: { entryFileNames: "[name].js", chunkFileNames: "chunks/[name]-[hash].js" },
    },
  },
});
