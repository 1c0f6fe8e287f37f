// The Vite plugin that leaves `new URL("./….js", import.meta.url)` as it stands in the source.
//
// The worker's script is an entry of the package of its own. Whoever bundles the package must find
// the expression as bundlers know it; our own build would take it for an asset and make a copy.

import type { Plugin } from "vite";

const EXPRESSION = /new URL\("(\.\/[a-z-]+\.js)", import\.meta\.url\)/g;
const STANDIN = /__pagebellWorker\("(\.\/[a-z-]+\.js)"\)/g;

/** Puts another name in its place before Vite looks at it, and the expression back at the end. */
export function workerUrls(): Plugin {
  return {
    name: "pagebell:worker-urls",
    enforce: "pre",
    transform: (code) =>
      code.search(EXPRESSION) < 0
        ? null
        : { code: code.replace(EXPRESSION, '__pagebellWorker("$1")'), map: null },
    renderChunk: (code) =>
      code.search(STANDIN) < 0
        ? null
        : { code: code.replace(STANDIN, 'new URL("$1", import.meta.url)'), map: null },
  };
}
