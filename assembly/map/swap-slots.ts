// Which slots of swap are free, and which of them is next.
//
//   free    ▏a bit per slot; a cluster is a line of 512 slots          frames of the swap area
//   some    ▏a bit per cluster that has a free slot                    static
//   whole   ▏a bit per cluster that has nothing but free slots         static
//
//   cluster   0         1         2         3         4
//            ████████  ███·····  █·██·█··  ········  ········
//                         ▲ next           ▲ then, from its beginning
//
// What goes out together lies together (as Linux mm/swapfile.c, clusters): the cluster that was
// begun is filled upward, then the next one that is wholly free, and only then what is free here
// and there.
//
// Invariants
//   W4  A slot's bit is set exactly when it is free; `some` and `whole` say what is in the
//       clusters.
//
// Written by: swap.ts. Read by: check-swap.ts.

import { ORDER_MAX } from "../abi";
import { lineHas } from "../frame/flags";

/** Slots of a cluster, as a shift: a line of bits. */
const CLUSTER_SHIFT: u32 = 9;
const CLUSTER_SLOTS: u32 = 1 << CLUSTER_SHIFT;
const LINE_BYTES: u32 = CLUSTER_SLOTS >> 3;
/** As many as slots have room for in one block of frames. */
const CLUSTERS_MAX: u32 = <u32>((4096 << ORDER_MAX) >> 3) >> CLUSTER_SHIFT;
const NONE: u32 = 0xffffffff;
const ALL: u64 = -1;

const SOME: usize = memory.data(CLUSTERS_MAX >> 3, 16);
const WHOLE: usize = memory.data(CLUSTERS_MAX >> 3, 16);

let bits: usize = 0;
let clusters: u32 = 0;
/** Where the cluster that was begun goes on; NONE where it is full. */
let next: u32 = NONE;
/** The cluster that was begun last. */
let begun: u32 = 0;

/** Bytes of the bits of `slots` slots. */
export function slotBitsBytes(slots: u32): u32 {
  return ((slots + CLUSTER_SLOTS - 1) >>> CLUSTER_SHIFT) * LINE_BYTES;
}

/** Begins with `slots` free slots, their bits at `at`, on a line. */
export function slotBitsInit(at: usize, slots: u32): void {
  bits = at;
  clusters = (slots + CLUSTER_SLOTS - 1) >>> CLUSTER_SHIFT;
  next = NONE;
  begun = clusters - 1;
  memory.fill(SOME, 0, CLUSTERS_MAX >> 3);
  memory.fill(WHOLE, 0, CLUSTERS_MAX >> 3);
  memory.fill(bits, 0, slotBitsBytes(slots));
  for (let slot: u32 = 0; slot < slots; slot++) slotGive(slot);
}

/** The u64 that has the bit of `index`. */
function wordAt(base: usize, index: u32): usize {
  return base + ((<usize>(index >>> 6)) << 3);
}

function bitSet(base: usize, index: u32): void {
  const at = wordAt(base, index);
  store<u64>(at, load<u64>(at) | ((<u64>1) << index));
}

function bitClear(base: usize, index: u32): void {
  const at = wordAt(base, index);
  store<u64>(at, load<u64>(at) & ~((<u64>1) << index));
}

function bitTest(base: usize, index: u32): bool {
  return ((load<u64>(wordAt(base, index)) >>> index) & 1) != 0;
}

/** The lowest bit of [from, end) that is set, or NONE. */
function bitNext(base: usize, from: u32, end: u32): u32 {
  let mask = ALL << from;
  for (let index = from & ~63; index < end; index += 64) {
    const word = load<u64>(wordAt(base, index)) & mask;
    if (word) {
      const found = index + <u32>ctz(word);
      return found < end ? found : NONE;
    }
    mask = ALL;
  }
  return NONE;
}

function lineOf(cluster: u32): usize {
  return bits + <usize>cluster * LINE_BYTES;
}

function isWhole(cluster: u32): bool {
  const line = lineOf(cluster);
  for (let at: usize = 0; at < LINE_BYTES; at += 8) {
    if (load<u64>(line + at) != ALL) return false;
  }
  return true;
}

/** The slot to take, or NONE. */
function slotChoose(): u32 {
  if (next != NONE) {
    const found = bitNext(bits, next, (next | (CLUSTER_SLOTS - 1)) + 1);
    if (found != NONE) return found;
  }
  let cluster = bitNext(WHOLE, begun + 1, clusters);
  if (cluster == NONE) cluster = bitNext(WHOLE, 0, clusters);
  if (cluster == NONE) cluster = bitNext(SOME, 0, clusters);
  if (cluster == NONE) return NONE;
  begun = cluster;
  return bitNext(bits, cluster << CLUSTER_SHIFT, (cluster + 1) << CLUSTER_SHIFT);
}

/** Takes the next free slot. @returns it + 1, or 0 where there is none. */
export function slotClaim(): u32 {
  const slot = slotChoose();
  if (slot == NONE) return 0;
  const cluster = slot >>> CLUSTER_SHIFT;
  bitClear(bits, slot);
  bitClear(WHOLE, cluster);
  if (!lineHas(lineOf(cluster))) bitClear(SOME, cluster);
  next = (slot + 1) & (CLUSTER_SLOTS - 1) ? slot + 1 : NONE;
  return slot + 1;
}

/** `slot` is free again. */
export function slotGive(slot: u32): void {
  const cluster = slot >>> CLUSTER_SHIFT;
  bitSet(bits, slot);
  bitSet(SOME, cluster);
  if (isWhole(cluster)) bitSet(WHOLE, cluster);
}

export function slotIsFree(slot: u32): bool {
  return bitTest(bits, slot);
}

/** Whether `some` and `whole` are what the bits say. */
export function slotSumsHold(): bool {
  for (let cluster: u32 = 0; cluster < clusters; cluster++) {
    if (bitTest(SOME, cluster) != lineHas(lineOf(cluster))) return false;
    if (bitTest(WHOLE, cluster) != isWhole(cluster)) return false;
  }
  return true;
}
