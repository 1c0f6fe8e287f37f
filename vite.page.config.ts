// The cases of the benchmarks that need nothing of Node, as one script for a page.

import { fileURLToPath } from "node:url";
import { defineConfig } from "vite";
import { engineWasm } from "./scripts/engine-plugin.ts";

export default defineConfig({
  plugins: [engineWasm()],
  publicDir: false,
  define: { "process.env": "{}" },
  resolve: {
    alias: {
      // Its timing alone: the rest of it asks for modules of Node and Bun.
      mitata: fileURLToPath(new URL("node_modules/mitata/src/lib.mjs", import.meta.url)),
      "node:crypto": fileURLToPath(new URL("bench/chromium/crypto.ts", import.meta.url)),
    },
  },
  build: {
    target: "es2022",
    outDir: "build/bench-page",
    emptyOutDir: true,
    minify: false,
    lib: {
      entry: "bench/chromium/page.ts",
      formats: ["iife"],
      name: "pageBench",
      fileName: () => "page.js",
    },
  },
});
