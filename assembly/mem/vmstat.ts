// Counters of the machine, named after /proc/vmstat.
//
// Each is one f64, so that the shell reads it without assembling words, and is exact to 2**53.
// They only tell: nothing in the engine decides by one.
//
// Invariants
//   S1  A gauge (nr_…) equals what a walk would count, and is never below zero.
//   S2  An event counter never falls.
//
// Written by: whoever does what is counted. Read by: the shell, through `vmstat_pointer()`.

import { Vmstat } from "../abi";
import { CHECK } from "./assert";
import { vmstatBase } from "./layout";

/** Adds `delta`, below zero for a gauge that falls, to counter `index` (a Vmstat). */
export function statAdd(index: i32, delta: f64): void {
  if (CHECK) assert(<u32>index < <u32>Vmstat.COUNT, "counter out of range");
  const at = vmstatBase + ((<usize>index) << 3);
  store<f64>(at, load<f64>(at) + delta);
}

/** @returns counter `index`. */
export function statGet(index: i32): f64 {
  if (CHECK) assert(<u32>index < <u32>Vmstat.COUNT, "counter out of range");
  return load<f64>(vmstatBase + ((<usize>index) << 3));
}

/** Raises counter `index` to `value` where it is lower: a high-water mark. */
export function statMax(index: i32, value: f64): void {
  if (CHECK) assert(<u32>index < <u32>Vmstat.COUNT, "counter out of range");
  const at = vmstatBase + ((<usize>index) << 3);
  if (load<f64>(at) < value) store<f64>(at, value);
}
