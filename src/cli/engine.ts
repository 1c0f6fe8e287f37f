// The engine that the command line uses: the one in the package, compiled once.

import { inlinedBytes } from "../engine/inlined.ts";

let compiled: Promise<WebAssembly.Module> | null = null;

export function engineModule(): Promise<WebAssembly.Module> {
  compiled ??= WebAssembly.compile(inlinedBytes());
  return compiled;
}
