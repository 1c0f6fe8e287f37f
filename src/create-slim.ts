// createMachine with an engine that the caller brings: for hosts that forbid compiling from bytes,
// and for pages that would rather fetch `pagebell/engine.wasm` than carry it as text.

import { bootMachine } from "./boot.ts";
import { compile, type EngineSource } from "./engine/load.ts";
import type { Machine, MachineOptions } from "./machine.ts";

/** The options of a machine, and where its engine comes from. */
export interface SlimMachineOptions extends MachineOptions {
  /** A compiled module, its bytes, a response, or its address; or a promise of one. */
  readonly engine: EngineSource | Promise<EngineSource>;
}

/** Makes a machine; errors as the main entry's, and TypeError for what is not pagebell's engine. */
export async function createMachine(options: SlimMachineOptions): Promise<Machine> {
  return bootMachine(await compile(options?.engine), options);
}
