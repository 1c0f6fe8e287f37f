// A machine with something in it, for units of map/, plan/ and op/.
//
// Each spec is a module, and so has one machine of its own: what a test makes it takes away again,
// and `expectEmpty` sees that nothing is left.

import {
  Access,
  FileKind,
  MAP_ANONYMOUS,
  MAP_FIXED,
  MAP_PRIVATE,
  MAP_SHARED,
  PG,
  PROT_READ,
  PROT_WRITE,
  ResultField,
} from "../../../assembly/abi";
import { frameAlloc, frameFree, freeFrames } from "../../../assembly/frame/buddy";
import { flagCount } from "../../../assembly/frame/flag-range";
import { frameAddress } from "../../../assembly/frame/frame";
import { Pool, poolsHead } from "../../../assembly/frame/pool";
import { Mapping, mappingPut } from "../../../assembly/map/mapping";
import { Mm, mmCount, mmCreate, mmOf } from "../../../assembly/map/mm";
import { ptePfn } from "../../../assembly/map/pte";
import { pteGet } from "../../../assembly/map/table";
import { Vma } from "../../../assembly/map/vma";
import { vmaLookup } from "../../../assembly/map/vma-tree";
import { frameCount } from "../../../assembly/mem/layout";
import { resultGet } from "../../../assembly/mem/result";
import { exit } from "../../../assembly/op/exit";
import { access } from "../../../assembly/op/fault";
import { fileCreate, fileOf } from "../../../assembly/op/file";
import { fork } from "../../../assembly/op/fork";
import { machineCheck, machineInit } from "../../../assembly/op/machine";
import { mmap } from "../../../assembly/op/mmap";

/** Where tests map what they map. */
export const BASE: u64 = 0x10_0000_0000;
/** Where placement begins, going down. */
export const TOP: u64 = 0x7ffff7fff000;
const HEAP: u64 = 0x555555559000;

export const READ_WRITE: i32 = PROT_READ | PROT_WRITE;

/** Makes the machine of this spec, the first time. */
export function boot(frames: u32): void {
  if (!frameCount) assert(machineInit(frames) == 0, "no machine for the test");
}

/** Address of page `index` from BASE. */
export function page(index: u32): u64 {
  return BASE + ((<u64>index) << 12);
}

/** The frame that page `index` of `mm` is in. */
export function pfnAt(mm: Mm, index: u32): u32 {
  return ptePfn(pteGet(mm, page(index)));
}

export function space(): Mm {
  const handle = mmCreate(TOP, HEAP);
  assert(handle > 0, "no address space for the test");
  return changetype<Mm>(changetype<usize>(mmOf(<u32>handle)));
}

/** Private anonymous memory over pages [start, end) from BASE. */
export function mapAnon(mm: Mm, start: u32, end: u32, prot: i32 = READ_WRITE): void {
  const flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED;
  const status = mmap(mm, page(start), (<u64>(end - start)) << 12, prot, flags, 0, 0);
  assert(status == 0, "mmap");
}

/** Maps one page and leaves one, `count` times, from page `first` on: as many areas. */
export function mapEveryOther(mm: Mm, first: u32, count: u32): void {
  for (let at: u32 = 0; at < count; at++) mapAnon(mm, first + 2 * at, first + 2 * at + 1);
}

/** A file in memory, of `pages` pages. */
export function file(pages: u32): usize {
  const handle = fileCreate(FileKind.Memory, (<u64>pages) << 12);
  assert(handle > 0, "no file for the test");
  return fileOf(<u32>handle);
}

/** The host lets go of a file. */
export function closeFile(mapping: usize): void {
  mappingPut(changetype<Mapping>(mapping));
}

/** Maps page `first` and on of a file over pages [start, end) from BASE, to be shared. */
export function mapFile(mm: Mm, start: u32, end: u32, mapping: usize, first: u32): void {
  const bytes = (<u64>(end - start)) << 12;
  const flags = MAP_SHARED | MAP_FIXED;
  const status = mmap(mm, page(start), bytes, READ_WRITE, flags, mapping, (<u64>first) << 12);
  assert(status == 0, "mmap of a file");
}

/** Writes to pages [start, end) from BASE. */
export function touch(mm: Mm, start: u32, end: u32): void {
  for (let at = start; at < end; at++) {
    assert(access(mm, page(at), Access.Write) == 0, "write");
  }
}

/** Reads page `index` from BASE. @returns its frame. */
export function read(mm: Mm, index: u32): u32 {
  assert(access(mm, page(index), Access.Read) == 0, "read");
  return resultGet(ResultField.Pfn);
}

export function forked(mm: Mm): Mm {
  assert(fork(mm) == 0, "fork");
  return changetype<Mm>(changetype<usize>(mmOf(resultGet(ResultField.ValueLo))));
}

export function area(mm: Mm, index: u32): Vma {
  const found = vmaLookup(mm, page(index));
  assert(found != 0, "no area there");
  return changetype<Vma>(found);
}

export function leave(mm: Mm): void {
  assert(exit(mm) == 0, "exit");
}

// What a test found before it began.
let framesBefore: u32 = 0;
let recordsBefore: u32 = 0;

/** Frames that are free, or that pools keep: a pool has a slab to spare after its first record. */
function framesAtHand(): u32 {
  return freeFrames() + flagCount(PG.slab, 0, frameCount);
}

function recordsInUse(): u32 {
  let count: u32 = 0;
  for (let at = poolsHead; at; at = changetype<Pool>(at).next) count += changetype<Pool>(at).used;
  return count;
}

/** Counts what there is, for `expectEmpty`. */
export function countAll(): void {
  framesBefore = framesAtHand();
  recordsBefore = recordsInUse();
}

/** Expects a sound machine with nobody in it, and what `countAll` counted. */
export function expectEmpty(): void {
  expect<u32>(machineCheck()).toBe(0);
  expect<u32>(mmCount).toBe(0, "an address space is left");
  expect<u32>(recordsInUse()).toBe(recordsBefore, "records are left");
  expect<u32>(framesAtHand()).toBe(framesBefore, "frames are left");
}

/** Frames that a test has taken out of the machine, in a list through their first word. */
let taken: u32 = 0;

/** Leaves the machine `count` frames. The records that pools have to spare stay as well. */
export function takeAllBut(count: u32): void {
  while (freeFrames() > count) {
    const pfn = frameAlloc(0);
    store<u32>(frameAddress(pfn), taken);
    taken = pfn;
  }
}

/** Lets go of `count` of the frames that were taken. */
export function giveSome(count: u32): void {
  for (let i: u32 = 0; i < count && taken; i++) {
    const next = load<u32>(frameAddress(taken));
    frameFree(taken, 0);
    taken = next;
  }
}

export function giveBack(): void {
  giveSome(u32.MAX_VALUE);
}

/** Expects that the machine is sound. */
export function expectSound(): void {
  expect<u32>(machineCheck()).toBe(0);
}
