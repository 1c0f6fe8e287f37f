// The engine's functions after a fault: each of them throws it again.

import type { EngineFault } from "../errors.ts";
import { type EngineFunctions, EXPORT_NAMES } from "./exports.ts";

export function poisoned(fault: EngineFault): EngineFunctions {
  const refuse = (): never => {
    throw fault;
  };
  const functions = Object.fromEntries(Object.keys(EXPORT_NAMES).map((name) => [name, refuse]));
  return functions as unknown as EngineFunctions;
}
