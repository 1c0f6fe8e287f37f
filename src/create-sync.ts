// createMachineSync with the engine that is part of the package: compiled at once, on this thread.

import { bootMachine } from "./boot.ts";
import { inlinedBytes } from "./engine/inlined.ts";
import type { Machine, MachineOptions } from "./machine.ts";

let compiled: WebAssembly.Module | null = null;

/** Makes a machine at once. Some browsers refuse to compile on the main thread; errors as usual. */
export function createMachineSync(options: MachineOptions): Machine {
  compiled ??= new WebAssembly.Module(inlinedBytes());
  return bootMachine(compiled, options);
}
