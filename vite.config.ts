// The library and the command line: one build, so that they share their chunks.
//
// No browser entry (index, slim, sync, backing/opfs) reaches a Node builtin: tests/package looks.

import { defineConfig } from "vite";
import { engineWasm } from "./scripts/engine-plugin.ts";
import { workerUrls } from "./scripts/worker-plugin.ts";

export default defineConfig({
  plugins: [engineWasm(), workerUrls()],
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
        "backing/opfs": "src/backing/opfs.ts",
        "backing/opfs-worker": "src/backing/opfs-worker.ts",
        "cli/main": "src/cli/main.ts",
      },
    },
    rolldownOptions: {
      external: [/^node:/, "commander", "cli-progress"],
      output: { entryFileNames: "[name].js", chunkFileNames: "chunks/[name]-[hash].js" },
    },
  },
});
