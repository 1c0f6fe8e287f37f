// The Vite plugin behind `virtual:engine-wasm`: the release engine as base64 text.
//
// Text in a module of its own works everywhere a script does, without a loader or a fetch. Bundlers
// put it in a chunk that only the entries `.` and `./sync` import, so `./slim` stays without it.

import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import type { Plugin } from "vite";

const NAME = "virtual:engine-wasm";
const RESOLVED = `\0${NAME}`;

/** Absolute path of the release engine. */
export const ENGINE_PATH = fileURLToPath(new URL("../build/release.wasm", import.meta.url));

/** Resolves `virtual:engine-wasm` to the bytes of an engine in base64: the release, or another. */
export function engineWasm(engine: string | URL = ENGINE_PATH): Plugin {
  const path = typeof engine === "string" ? engine : fileURLToPath(engine);
  return {
    name: "pagebell:engine-wasm",
    resolveId: (id) => (id === NAME ? RESOLVED : null),
    async load(id) {
      if (id !== RESOLVED) return null;
      this.addWatchFile(path);
      const base64 = (await readFile(path)).toString("base64");
      return { code: `export default ${JSON.stringify(base64)};`, map: null };
    },
  };
}
