// The allocator against a list of booleans that is searched from the bottom, whatever happens.

import { ORDER_MAX } from "../../../assembly/abi";
import { frameAlloc, frameFree, freeFrames } from "../../../assembly/frame/buddy";
import { checkFrames } from "../../../assembly/frame/check";
import { frameCount } from "../../../assembly/mem/layout";
import { below, randomReset, seeded } from "../random";
import { remake } from "./arena";

const BLOCKS_MAX: i32 = 4000;

const used = new StaticArray<bool>(8192);
const blocks = new StaticArray<u32>(BLOCKS_MAX);
const orders = new StaticArray<u32>(BLOCKS_MAX);
let count: i32 = 0;

/** Lowest aligned run of 2**order unused frames, 0 if none. */
function modelFind(order: u32): u32 {
  const size = (<u32>1) << order;
  for (let head: u32 = 0; head + size <= frameCount; head += size) {
    let at = head;
    while (at < head + size && !used[at]) at += 1;
    if (at == head + size) return head;
  }
  return 0;
}

function modelMark(pfn: u32, order: u32, isUsed: bool): void {
  for (let at = pfn; at < pfn + (1 << order); at++) used[at] = isUsed;
}

/** @returns whether both found the same block. */
function allocBoth(order: u32): bool {
  const want = modelFind(order);
  if (frameAlloc(order) != want) return false;
  if (want == 0) return true;
  modelMark(want, order, true);
  blocks[count] = want;
  orders[count] = order;
  count += 1;
  return true;
}

function freeBoth(index: i32): void {
  count -= 1;
  const pfn = blocks[index];
  const order = orders[index];
  blocks[index] = blocks[count];
  orders[index] = orders[count];
  modelMark(pfn, order, false);
  frameFree(pfn, order);
}

/** Small orders often, large ones now and then. */
function someOrder(): u32 {
  return min(below(ORDER_MAX + 1), below(ORDER_MAX + 1));
}

function wrongAfter(frames: u32, steps: u32, percentAlloc: u32): u32 {
  remake(frames);
  for (let pfn: u32 = 0; pfn < frames; pfn++) used[pfn] = pfn == 0;
  count = 0;
  let wrong: u32 = 0;
  for (let step: u32 = 0; step < steps; step++) {
    const wantsMore = count == 0 || (below(100) < percentAlloc && count < BLOCKS_MAX);
    if (!wantsMore) freeBoth(below(count));
    else if (!allocBoth(someOrder())) wrong += 1;
    if (step % 16 == 0) wrong += checkFrames();
  }
  while (count > 0) freeBoth(count - 1);
  if (freeFrames() != frames - 1) wrong += 1;
  return wrong + checkFrames();
}

describe("buddy: against a model", () => {
  test(seeded("few frames, mostly full"), () => {
    randomReset();
    expect<u32>(wrongAfter(256, 3000, 70)).toBe(0);
  });

  test(seeded("a size that is no multiple of a line"), () => {
    randomReset();
    expect<u32>(wrongAfter(1357, 3000, 55)).toBe(0);
  });

  test(seeded("room for every order, half full"), () => {
    randomReset();
    expect<u32>(wrongAfter(8192, 2000, 52)).toBe(0);
  });

  test(seeded("room for every order, full and emptied again and again"), () => {
    randomReset();
    expect<u32>(wrongAfter(4096, 2000, 80)).toBe(0);
  });
});
