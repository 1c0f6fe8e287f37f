// Applying a diff: an address space becomes what the one was that the diff was taken of.
//
//   areas that are to go ─▶ areas that are new ─▶ pages without contents ─▶ pages ─▶ rights
//
// Each step is an operation like any other: who holds a page of the address space is told of it.
// Files become private memory, or shared memory without a file where they were shared.
//
// Invariants
//   U2  A diff that is none, or goes on from another state, changes nothing. One that fails on its
//       way leaves a state without a name, that only a whole image can be applied to.

import {
  MADV_DONTNEED,
  MAP_ANONYMOUS,
  MAP_FIXED,
  MAP_PRIVATE,
  MAP_SHARED,
  PAGE_IS_PFNZERO,
  PAGE_IS_PRESENT,
  PAGE_IS_SWAPPED,
  PAGE_SIZE,
  PROT_READ,
  PROT_WRITE,
  Status,
} from "../../assembly/abi.ts";
import { MemoryError } from "../errors.ts";
import type { Mm } from "../mm.ts";
import type { AddressRange } from "../plan.ts";
import type { Space } from "../space.ts";
import { type DiffArea, expectDiff, type MmDiff } from "./diff.ts";
import { outside, rangesOf } from "./ranges.ts";

const OPEN = PROT_READ | PROT_WRITE;

/** One operation on the address space. */
type Step =
  | { readonly kind: "unmap"; readonly at: AddressRange }
  | { readonly kind: "drop"; readonly at: AddressRange }
  | { readonly kind: "map"; readonly at: AddressRange; readonly shared: boolean }
  | { readonly kind: "protect"; readonly at: AddressRange; readonly prot: number }
  | { readonly kind: "write"; readonly address: number; readonly bytes: Uint8Array };

export async function apply(diff: MmDiff, mm: Mm, space: Space): Promise<void> {
  begin(diff, space);
  for (const step of steps(diff, mm)) {
    if (step.kind === "write") await mm.write(step.address, step.bytes);
    else if (step.kind === "unmap") await mm.munmap(...argumentsOf(step.at));
    else if (step.kind === "drop") await mm.madvise(...argumentsOf(step.at), MADV_DONTNEED);
    else if (step.kind === "protect") await mm.mprotect(...argumentsOf(step.at), step.prot);
    else await mm.mmap(...argumentsOf(step.at), OPEN, flagsOf(step.shared));
  }
  space.applied = diff.id;
}

export function applySync(diff: MmDiff, mm: Mm, space: Space): void {
  begin(diff, space);
  for (const step of steps(diff, mm)) {
    if (step.kind === "write") mm.writeSync(step.address, step.bytes);
    else if (step.kind === "unmap") mm.munmapSync(...argumentsOf(step.at));
    else if (step.kind === "drop") mm.madviseSync(...argumentsOf(step.at), MADV_DONTNEED);
    else if (step.kind === "protect") mm.mprotectSync(...argumentsOf(step.at), step.prot);
    else mm.mmapSync(...argumentsOf(step.at), OPEN, flagsOf(step.shared));
  }
  space.applied = diff.id;
}

/** Refuses what cannot be applied; from here on the state has no name until all of it is done. */
function begin(diff: MmDiff, space: Space): void {
  expectDiff(diff);
  if (space.handle === 0) throw new MemoryError(Status.ESRCH, "apply");
  if (diff.base !== null && diff.base !== space.applied) {
    const reason = `it goes on from ${diff.base}, here is ${space.applied ?? "no named state"}`;
    throw new MemoryError(Status.ESTALE, "apply", { reason });
  }
  space.applied = null;
}

function argumentsOf({ start, end }: AddressRange): [address: number, length: number] {
  return [start, end - start];
}

function flagsOf(shared: boolean): number {
  return (shared ? MAP_SHARED : MAP_PRIVATE) | MAP_ANONYMOUS | MAP_FIXED;
}

/** Each step is found when the one before it is done. */
function* steps(diff: MmDiff, mm: Mm): Generator<Step, void, void> {
  yield* areaSteps(diff, mm);
  yield* dropSteps(diff, mm);
  yield* pageSteps(diff, mm);
  for (const at of mismatches(diff.areas, mm)) yield { kind: "protect", at, prot: at.prot };
}

function* areaSteps(diff: MmDiff, mm: Mm): Generator<Step, void, void> {
  for (const shared of [false, true]) {
    const wanted = diff.areas.filter((area) => area.shared === shared);
    const there = mm.areas().filter((area) => area.shared === shared);
    for (const at of [...outside(there, wanted)]) yield { kind: "unmap", at };
  }
  for (const shared of [false, true]) {
    const wanted = diff.areas.filter((area) => area.shared === shared);
    for (const at of [...outside(wanted, mm.areas())]) yield { kind: "map", at, shared };
  }
}

/** Private pages that have contents here and none there. Shared ones come as pages of zeros. */
function* dropSteps(diff: MmDiff, mm: Mm): Generator<Step, void, void> {
  const { ranges } = mm.pagemapScan({
    categoryMask: PAGE_IS_PFNZERO,
    categoryInverted: PAGE_IS_PFNZERO,
    categoryAnyOf: PAGE_IS_PRESENT | PAGE_IS_SWAPPED,
    returnMask: 0,
  });
  const shared = diff.areas.filter((area) => area.shared);
  const mine = [...outside(ranges, shared)];
  for (const at of [...outside(mine, rangesOf(diff.content))]) yield { kind: "drop", at };
}

/** Runs of pages side by side, in areas that are opened for it. */
function* pageSteps(diff: MmDiff, mm: Mm): Generator<Step, void, void> {
  const touched = diff.areas.filter((area) => hasPage(diff.addresses, area));
  const open = touched.map((area) => ({ ...area, prot: OPEN }));
  for (const at of mismatches(open, mm)) {
    if ((at.has & PROT_WRITE) === 0) yield { kind: "protect", at, prot: OPEN };
  }
  const { addresses, bytes } = diff;
  for (let first = 0; first < addresses.length; ) {
    let end = first + 1;
    while (addresses[end] === (addresses[end - 1] ?? 0) + PAGE_SIZE) end++;
    const part = bytes.subarray(first * PAGE_SIZE, end * PAGE_SIZE);
    yield { kind: "write", address: addresses[first] ?? 0, bytes: part };
    first = end;
  }
}

function hasPage(addresses: Float64Array, { start, end }: AddressRange): boolean {
  let [low, high] = [0, addresses.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((addresses[middle] ?? 0) < start) low = middle + 1;
    else high = middle;
  }
  return (addresses[low] ?? Number.POSITIVE_INFINITY) < end;
}

/** A part of an area whose rights are others than it is to have. */
interface Mismatch extends AddressRange {
  readonly prot: number;
  /** What it has. */
  readonly has: number;
}

function mismatches(wanted: readonly DiffArea[], mm: Mm): Mismatch[] {
  const found: Mismatch[] = [];
  const there = mm.areas();
  let next = 0;
  for (const { start, end, prot } of wanted) {
    while ((there[next]?.end ?? Number.POSITIVE_INFINITY) <= start) next++;
    for (let index = next; index < there.length; index++) {
      const area = there[index];
      if (area === undefined || area.start >= end) break;
      const has = (area.read ? 1 : 0) | (area.write ? 2 : 0) | (area.execute ? 4 : 0);
      const part = { start: Math.max(start, area.start), end: Math.min(end, area.end) };
      if (has !== prot) found.push({ ...part, prot, has });
    }
  }
  return found;
}
