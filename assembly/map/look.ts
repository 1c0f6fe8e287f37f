// One look at a page over all of its ptes (as Linux folio_referenced): who has used it since, and
// what keeps it from going.
//
// Written by: nobody else. Read by: op/shrink.ts, op/evict.ts.

import { PG, VM_EXEC, VM_LOCKED } from "../abi";
import { flagTest } from "../frame/flags";
import { frameOf } from "../frame/frame";
import { A, D } from "./pte";
import { rmapFirst, rmapNext, walkAddress, walkVma } from "./rmap";
import { pteSlot } from "./table";
import { Vma, vmaMm } from "./vma";

/** Ptes that had A set. */
export let lookReferences: u32 = 0;
/** Whether some pte is dirty, some area is locked, is executable, some mm is watched. */
export let lookDirty: bool = false;
export let lookLocked: bool = false;
export let lookExecutable: bool = false;
export let lookWatched: bool = false;

/** Looks at every pte of `pfn`, changing none. */
export function pageLook(pfn: u32): void {
  lookReferences = 0;
  lookDirty = false;
  lookLocked = false;
  lookExecutable = false;
  lookWatched = false;
  for (let more = rmapFirst(pfn); more; more = rmapNext()) {
    const vma = changetype<Vma>(walkVma);
    const pte = load<u64>(pteSlot(vmaMm(vma), walkAddress));
    if (pte & A) lookReferences++;
    if (pte & D) lookDirty = true;
    if (vma.flags & VM_LOCKED) lookLocked = true;
    if (vma.flags & VM_EXEC) lookExecutable = true;
    if (vmaMm(vma).watches) lookWatched = true;
  }
}

/** Clears A in every pte of `pfn`, so that the next look sees what is used from now on. */
export function pageForgetReferences(pfn: u32): void {
  for (let more = rmapFirst(pfn); more; more = rmapNext()) {
    const slot = pteSlot(vmaMm(changetype<Vma>(walkVma)), walkAddress);
    const pte = load<u64>(slot);
    if (pte & A) store<u64>(slot, pte & ~A);
  }
}

/** Whether nobody but a cache and ptes has `pfn`: no pin, no leftover of a holder. */
export function isOursAlone(pfn: u32): bool {
  const frame = frameOf(pfn);
  const cached = <u32>flagTest(PG.pagecache, pfn) + <u32>flagTest(PG.swapcache, pfn);
  return frame.refcount == frame.mapcount + cached;
}
