// What `npm run bench:setup` makes of bench/native/emscripten.c: a module of CommonJS.

import { createRequire } from "node:module";
import { madePath } from "../contests/program.ts";

export const MODULE = "emscripten.cjs";

/** Regions are addresses in the module's memory; lengths and counts are of pages, or of calls. */
export interface EmscriptenModule {
  /** What is in its memory; made anew when that grows, which this one's does not. */
  readonly HEAPU8: Uint8Array;
  _map_touched(pages: number): number;
  _unmap(region: number, pages: number): number;
  _cycle(times: number, pages: number, isTouched: number): number;
  _fill(count: number): number;
  _replace(times: number, count: number): number;
}

export function loadModule(): Promise<EmscriptenModule> {
  const require = createRequire(import.meta.url);
  const make = require(madePath(MODULE)) as () => Promise<EmscriptenModule>;
  return make();
}
