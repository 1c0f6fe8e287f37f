// A move whose copy joins two areas, the second of which is the one that it is of.

import { expect, test } from "vitest";
import {
  MAP_ANONYMOUS,
  MAP_FIXED,
  MAP_PRIVATE,
  MREMAP_FIXED,
  MREMAP_MAYMOVE,
} from "../../src/constants.ts";
import { at, boot, PAGE, READ_WRITE } from "../support/boot.ts";

test("the area that the copy absorbs is gone, and what was moved is there", () => {
  const { mm, machine } = boot("");
  const how = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED;
  mm.mmapSync(at(0), 4 * PAGE, READ_WRITE, how);
  mm.mmapSync(at(6), 4 * PAGE, READ_WRITE, how);
  mm.mremapSync(at(8), 2 * PAGE, 2 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, at(4));
  expect(mm.areas().map(({ start, end }) => [start, end])).toEqual([[at(0), at(8)]]);
  expect(machine.check()).toBe(0);
});
