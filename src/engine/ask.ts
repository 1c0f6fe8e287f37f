// How a group of calls reaches the engine: in a `try`, as N1 of `engine.ts` has it.

import type { EngineFunctions } from "./exports.ts";

/** Makes one call; what it throws poisons the machine. */
export type Ask = <T>(call: (wasm: EngineFunctions) => T) => T;
