// The benchmarks for `npm run profile`: with an engine whose functions have names.

import { mergeConfig } from "vite";
import { engineWasm } from "./scripts/engine-plugin.ts";
import bench from "./vite.bench.config.ts";

export default mergeConfig(
  { ...bench, plugins: [] },
  {
    plugins: [engineWasm(new URL("build/profile/named.wasm", import.meta.url))],
    build: { outDir: "build/profile/bench" },
  },
);
