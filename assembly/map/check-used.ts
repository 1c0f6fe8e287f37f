// What the checkers count with: the records that a pool has in use, and sums that tell sets apart.
//
// A pool has no list of what it handed out: its slabs are read, and what their free lists do not
// reach is in use.
//
// Written by: nobody else. Read by: the checkers of map/ and plan/.

import { PAGE_SIZE, PG } from "../abi";
import { flagNext } from "../frame/flags";
import { frameAddress, frameOf } from "../frame/frame";
import { Pool } from "../frame/pool";
import { frameCount } from "../mem/layout";

/** A bit for each record that a slab may have: none is smaller than eight bytes. */
const FREE_WORDS: u32 = PAGE_SIZE / 8 / 32;
const isFreeAt = memory.data(64);

let walked: usize = 0;
let slab: u32 = 0;
let index: u32 = 0;

/** First record in use of `pool`, or 0. One walk at a time. */
export function usedFirst(pool: Pool): usize {
  walked = changetype<usize>(pool);
  slab = 0;
  return slabNext() ? usedNext() : 0;
}

/** The next one, or 0. */
export function usedNext(): usize {
  const pool = changetype<Pool>(walked);
  while (slab < frameCount) {
    while (index < pool.perSlab) {
      const at = index;
      index += 1;
      if (!isFree(at)) return frameAddress(slab) + <usize>at * pool.recordBytes;
    }
    if (!slabNext()) return 0;
  }
  return 0;
}

/**
 * A number that stands for `key` in a sum. Two sums over the same keys are equal, and over others
 * as good as never: that is how sets are compared without being stored.
 */
export function weigh(key: usize): u64 {
  const mixed = (<u64>key + 1) * 0x9e3779b97f4a7c15;
  return (mixed ^ (mixed >> 29)) * 0xbf58476d1ce4e5b9;
}

/** Goes to the next slab of the pool that is walked, and marks what is free in it. */
function slabNext(): bool {
  do {
    slab = flagNext(PG.slab, slab + 1, frameCount);
    if (slab >= frameCount) return false;
  } while (frameOf(slab).mapping != walked);
  index = 0;
  memory.fill(isFreeAt, 0, FREE_WORDS << 2);
  markFree();
  return true;
}

/** A free list that leaves its slab is the pool checker's to report; it ends the marking here. */
function markFree(): void {
  const pool = changetype<Pool>(walked);
  const start = frameAddress(slab);
  let at = <usize>frameOf(slab).index;
  for (let steps: u32 = 0; at != 0 && steps < pool.perSlab; steps++) {
    if (at < start || at >= start + PAGE_SIZE) return;
    const record = <u32>((at - start) / pool.recordBytes);
    const word = isFreeAt + ((record >>> 5) << 2);
    store<u32>(word, load<u32>(word) | (1 << (record & 31)));
    at = load<usize>(at);
  }
}

function isFree(record: u32): bool {
  return ((load<u32>(isFreeAt + ((record >>> 5) << 2)) >>> (record & 31)) & 1) != 0;
}
