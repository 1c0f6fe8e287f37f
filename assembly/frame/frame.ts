// The frame record: what is known of one physical page. Its flags are elsewhere (flags.ts).
//
//    0        4        8        12       16               24       28       32       36     40
//   ┌────────┬────────┬────────┬────────┬────────────────┬────────┬────────┬────────┬──────┐
//   │refcount│mapcount│mapping │exports │     index      │lruNext │lruPrev │private_│pins│lru│
//   └────────┴────────┴────────┴────────┴────────────────┴────────┴────────┴────────┴──────┘
//
//             page of a user        leaf or upper table      slab of a pool     free
//   refcount  who uses it           1                        1                  0
//   mapcount  ptes that map it      0                        0                  0
//   mapping   anon_vma or mapping   its mm                   its pool           0
//   exports   first export record   ptes with the e bit      0                  0
//   index     page offset there     -                        first free record  0
//   lru…      neighbours in an LRU  -                        slabs of the pool  0
//   private_  swap slot, checksum   entries that are not 0   records in use     0
//   pins      times it is pinned    0                        0                  0
//   lru       LRU list it is in     0                        0                  0
//
// private_ of a page in the swap cache is its slot; of another anonymous page, its checksum when a
// merge pass last looked at it (op/merge-scan.ts). The mapping of a merged page is its node
// (map/ksm.ts); a device's frame has refcount 1, its device as mapping, and nothing else.
//
// Frame 0 is reserved for ever and all zero: the shared zero page, and the table that an absent
// entry (0, so pfn 0) leads to. As a value of a pfn, 0 means "no frame".
//
// Invariants
//   D1  A free frame's record is all zero: who gets it finds nothing of the last owner.
//   D2  Nothing writes to the bytes of frame 0.
//
// Written by: the owner of the frame. Read by: everyone above.

import { PAGE_SHIFT } from "../abi";
import { CHECK } from "../mem/assert";
import { FRAME_BYTES, frameCount, framesBase, frameTable } from "../mem/layout";

@unmanaged
export class Frame {
  refcount: u32;
  mapcount: u32;
  /** Owner: anon_vma, mapping, the mm of a table, or a pool. */
  mapping: usize;
  /** First export record of this frame; of a leaf table, the number of ptes with the e bit. */
  exports: usize;
  /** Page offset in the owner. */
  index: u64;
  lruNext: u32;
  lruPrev: u32;
  /** Of a table, entries that are not zero; of a slab, records in use. */
  private_: u32;
  /** Times that a page is pinned (op/pin.ts); each one holds a reference. */
  pins: u16;
  /** The LRU list that a page of a user is in (lru.ts), 0 for none. */
  lru: u16;
}

// The stride in the arena and the record must not drift: this stops the build.
if (offsetof<Frame>() != FRAME_BYTES) ERROR("Frame resized; see mem/layout.ts");
if (offsetof<Frame>("mapcount") != 4) ERROR("Frame.mapcount moved; see map/rmap.ts");
if (offsetof<Frame>("mapping") != 8) ERROR("Frame.mapping moved; see the drawing");
if (offsetof<Frame>("index") != 16) ERROR("Frame.index moved; see the drawing");
if (offsetof<Frame>("private_") != 32) ERROR("Frame.private_ moved; see the drawing");

/** @returns the record of frame `pfn`. */
export function frameOf(pfn: u32): Frame {
  if (CHECK) assert(pfn < frameCount, "no such frame");
  return changetype<Frame>(frameTable + <usize>pfn * FRAME_BYTES);
}

/** @returns the address in linear memory of the frame's 4096 bytes. */
export function frameAddress(pfn: u32): usize {
  if (CHECK) assert(pfn < frameCount, "no such frame");
  return framesBase + ((<usize>pfn) << PAGE_SHIFT);
}

/** @returns the frame that the byte at `ptr` is in. */
export function pfnOfAddress(ptr: usize): u32 {
  const pfn = <u32>((ptr - framesBase) >>> PAGE_SHIFT);
  if (CHECK) assert(ptr >= framesBase && pfn < frameCount, "address in no frame");
  return pfn;
}
