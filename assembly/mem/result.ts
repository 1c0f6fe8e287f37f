// The result block: words that an export leaves for the shell beside the i32 it returns.
//
// Invariants
//   K1  A word means something only right after the export that says it writes it; the shell copies
//       it at once.
//   K2  A 64-bit value is two words, low first; `field` names the low one.
//
// Written by: op/*.ts and plan/*.ts. Read by: the shell, through `result_pointer()`.

import { ResultField } from "../abi";
import { CHECK } from "./assert";
import { resultBase } from "./layout";

/** Leaves `value` in word `field` (a ResultField). */
export function resultSet(field: i32, value: u32): void {
  if (CHECK) assert(<u32>field < <u32>ResultField.LENGTH, "result word out of range");
  store<u32>(resultBase + ((<usize>field) << 2), value);
}

/** Leaves `value` in word `field`, the …Lo one, and the word after it. */
export function resultSet64(field: i32, value: u64): void {
  if (CHECK) assert(<u32>field < <u32>ResultField.LENGTH - 1, "result word out of range");
  store<u64>(resultBase + ((<usize>field) << 2), value);
}

/** @returns word `field`. */
export function resultGet(field: i32): u32 {
  if (CHECK) assert(<u32>field < <u32>ResultField.LENGTH, "result word out of range");
  return load<u32>(resultBase + ((<usize>field) << 2));
}

/** @returns the 64-bit value whose low word is `field`. */
export function resultGet64(field: i32): u64 {
  if (CHECK) assert(<u32>field < <u32>ResultField.LENGTH - 1, "result word out of range");
  return load<u64>(resultBase + ((<usize>field) << 2));
}
