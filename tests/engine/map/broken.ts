import { checkMaps } from "../../../assembly/map/check";

/** Expects `invariant` of a machine whose areas or tables the test has just broken. */
export function expectBroken(invariant: u32): void {
  expect<u32>(checkMaps()).toBe(invariant);
}
