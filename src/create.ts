// createMachine with the engine that is part of the package.

import { bootMachine } from "./boot.ts";
import { inlinedBytes } from "./engine/inlined.ts";
import type { Machine, MachineOptions } from "./machine.ts";

let compiled: Promise<WebAssembly.Module> | null = null;

/**
 * Makes a machine. RangeError for a size that no machine has, TypeError for a wrong type,
 * MemoryError ENOMEM when the host gives no memory.
 */
export async function createMachine(options: MachineOptions): Promise<Machine> {
  compiled ??= WebAssembly.compile(inlinedBytes());
  return bootMachine(await compiled, options);
}
