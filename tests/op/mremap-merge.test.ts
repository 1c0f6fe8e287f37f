// Does a move that joins its source to its target leave one area, and nothing of the old record?

import { expect, test } from "vitest";
import { MAP_FIXED, MREMAP_FIXED, MREMAP_MAYMOVE } from "../../src/constants.ts";
import { at, boot, PAGE, PRIVATE, pages, READ_WRITE, strip } from "../support/boot.ts";

// pages   0 1 2 3
//         a . b b      untouched: what moves is numbered anew, and so merges on both sides
//         a b . b      page 2 to page 1: the area on the left takes over the one on the right
test("the copy merges with what is before it and with its own source", () => {
  const { mm, machine } = boot();
  mm.mmapSync(...pages(0, 1), READ_WRITE, PRIVATE | MAP_FIXED);
  mm.mmapSync(...pages(2, 4), READ_WRITE, PRIVATE | MAP_FIXED);
  mm.mremapSync(at(2), PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, at(1));
  const areas = mm.areas().map(({ start, end }) => [start, end]);
  expect(areas).toEqual([
    [at(0), at(2)],
    [at(3), at(4)],
  ]);
  mm.writeSync(at(1), Uint8Array.of(1));
  expect([strip(mm, 4), machine.check()]).toEqual(["_w._", 0]);
});
