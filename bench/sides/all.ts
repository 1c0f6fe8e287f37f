// The sides that are compared: ours, and what somebody would write without us.

import type { MemoryMaker } from "../memory.ts";
import { MapMemory } from "../plain/map/memory.ts";
import { TypedMemory } from "../plain/typed/memory.ts";
import { pagebellMemory } from "./pagebell.ts";

export const OURS = "pagebell";

export type SideName = typeof OURS | "js-typed" | "js-map";

export const SIDES: Readonly<Record<SideName, MemoryMaker>> = {
  [OURS]: pagebellMemory,
  "js-typed": (bytes) => new TypedMemory(bytes),
  "js-map": (bytes) => new MapMemory(bytes),
};

/** Ours first. */
export const SIDE_NAMES = Object.keys(SIDES) as SideName[];

export function isSideName(name: string): name is SideName {
  return Object.hasOwn(SIDES, name);
}
