// The checker of page tables: the four levels of one mm, from the top, and each pte in its area.
//
// Written by: nobody. Read by: check.ts.

import {
  HUGE_BYTES,
  PG,
  TABLE_ENTRIES,
  VM_EXEC,
  VM_MERGEABLE,
  VM_PFNMAP,
  VM_READ,
  VM_SHARED,
  VM_WRITE,
} from "../abi";
import { flagTest } from "../frame/flags";
import { frameAddress, frameOf } from "../frame/frame";
import { frameCount } from "../mem/layout";
import { MAPPING_ANON, MAPPING_KSM } from "./anon-vma";
import { seeDevice } from "./check-device";
import { DirtyInvariant, isUnnoticed } from "./check-dirty";
import { KsmInvariant } from "./check-ksm";
import { checkSwapEntry } from "./check-swap";
import { weigh } from "./check-used";
import { hugeMake, hugePfn, isHuge } from "./huge";
import { Link } from "./link";
import { Mm } from "./mm";
import { A, D, E, H, NX, P, ptePfn, S, TABLE, U, W } from "./pte";
import { mayWriteUnmarked } from "./soft-dirty";
import { isSwap } from "./swap";
import { Vma } from "./vma";

/** Numbers of broken invariants of tables and ptes, 301..309, 431; 401, 404 of their frames. */
export const enum TableInvariant {
  None = 0,
  /** T1: an entry that is neither zero nor whole, or leads out of memory. */
  PteForm = 301,
  /** T2: W on a private page that somebody else has too. */
  PteWrite = 302,
  /** T3: s on something else than the zero page and a device's, or the zero page without s. */
  PteSpecial = 303,
  /** T4: more, or less, than the area's protection. */
  PteProtection = 304,
  /** T5: a table's flag, owner, count of references or of entries, or the mm's count of tables. */
  TableFrame = 305,
  /** T6: a table below the top without an entry. */
  TableEmpty = 306,
  /** T7: a leaf table's count of e bits. */
  TableExports = 307,
  /** T8: a pte outside every area. */
  PteOutside = 308,
  /** G4: a huge page's entry that names no huge page or lies in another area, or the reverse. */
  HugeLeaf = 804,
  /** R1: the frame's anon_vma is none that the area is chained to, or its file is another. */
  FrameOwner = 401,
  /** U1: W without a mark that the page was written. */
  SoftDirty = 431,
  /** R4: a pte names a frame that nobody is said to map. */
  MapCount = 404,
}

const ACCESS: u32 = VM_READ | VM_WRITE | VM_EXEC;
/** Bits of an entry that nothing sets. */
const ZERO_BITS: u64 = 0x7ff0000000000000;

/** Sum over the ptes that count a frame, since `ptesForget`. */
export let ptesSeen: u64 = 0;

let tables: u32 = 0;
/** The area that the walk is in or before: addresses only rise. */
let area: usize = 0;

export function ptesForget(): void {
  ptesSeen = 0;
}

/** @returns the number of the first invariant of `mm`'s tables that does not hold, or 0. */
export function checkTables(mm: Mm): u32 {
  tables = 0;
  area = mm.first;
  const bad = checkUpper(mm, mm.pgd, 3, 0);
  if (bad) return bad;
  return tables == mm.tables ? TableInvariant.None : TableInvariant.TableFrame;
}

/** A table `level` above the leaves, whose first entry is the one at `base` of its level. */
function checkUpper(mm: Mm, pfn: u32, level: u32, base: u64): u32 {
  let used: u32 = 0;
  let exported: usize = 0;
  for (let i: u32 = 0; i < TABLE_ENTRIES; i++) {
    const entry = load<u64>(frameAddress(pfn) + ((<usize>i) << 3));
    if (!entry) continue;
    used += 1;
    if (level == 1 && entry & H) {
      const bad = checkHuge((base * TABLE_ENTRIES + i) << 21, entry);
      if (bad) return bad;
      if (entry & E) exported += 1;
      continue;
    }
    const below = ptePfn(entry);
    if (entry != (((<u64>below) << 12) | TABLE) || below >= frameCount)
      return TableInvariant.PteForm;
    const at = base * TABLE_ENTRIES + i;
    const bad = level > 1 ? checkUpper(mm, below, level - 1, at) : checkLeaf(mm, below, at);
    if (bad) return bad;
  }
  if (frameOf(pfn).exports != exported) return TableInvariant.TableExports;
  return checkFrame(mm, pfn, used, level == 3);
}

/** A huge page's entry: it must lie in an area of those, whole, and name a whole one. */
function checkHuge(address: u64, entry: u64): u32 {
  const head = hugePfn(entry);
  const rest = entry & ~hugeMake(head, 0) & ~(P | W | U | A | D | E | NX);
  if (!(entry & P) || rest || head >= frameCount) return TableInvariant.PteForm;
  if (!flagTest(PG.head, head) || !flagTest(PG.hugetlb, head)) return TableInvariant.HugeLeaf;
  while (area && changetype<Vma>(area).end <= address) area = changetype<Vma>(area).next;
  if (!area || changetype<Vma>(area).start > address) return TableInvariant.PteOutside;
  const vma = changetype<Vma>(area);
  if (!isHuge(vma) || vma.end < address + HUGE_BYTES) return TableInvariant.HugeLeaf;
  if (!isAllowed(vma.flags, entry)) return TableInvariant.PteProtection;
  return checkNamed(vma, head, entry);
}

function checkLeaf(mm: Mm, pfn: u32, base: u64): u32 {
  let used: u32 = 0;
  let exported: usize = 0;
  let address = base << 21;
  const end = frameAddress(pfn) + ((<usize>TABLE_ENTRIES) << 3);
  for (let slot = frameAddress(pfn); slot < end; slot += 8, address += 4096) {
    const pte = load<u64>(slot);
    if (!pte) continue;
    used += 1;
    if (pte & E) exported += 1;
    const bad = checkPte(address, pte);
    if (bad) return bad;
  }
  const bad = checkFrame(mm, pfn, used, false);
  if (bad) return bad;
  return frameOf(pfn).exports == exported ? TableInvariant.None : TableInvariant.TableExports;
}

function checkFrame(mm: Mm, pfn: u32, used: u32, isTop: bool): u32 {
  const table = frameOf(pfn);
  tables += 1;
  if (!flagTest(PG.table, pfn) || table.refcount != 1) return TableInvariant.TableFrame;
  if (table.mapping != changetype<usize>(mm)) return TableInvariant.TableFrame;
  if (table.private_ != used) return TableInvariant.TableFrame;
  return used || isTop ? TableInvariant.None : TableInvariant.TableEmpty;
}

function checkPte(address: u64, pte: u64): u32 {
  if (!(pte & P) && isSwap(pte)) return checkSwapEntry(pte);
  if (!(pte & P) || pte & ZERO_BITS || ptePfn(pte) >= frameCount) return TableInvariant.PteForm;
  while (area && changetype<Vma>(area).end <= address) area = changetype<Vma>(area).next;
  if (!area || changetype<Vma>(area).start > address) return TableInvariant.PteOutside;
  const vma = changetype<Vma>(area);
  if (isHuge(vma)) return TableInvariant.HugeLeaf;
  if (!isAllowed(vma.flags, pte)) return TableInvariant.PteProtection;
  const pfn = ptePfn(pte);
  if (flagTest(PG.hugetlb, pfn)) return TableInvariant.HugeLeaf;
  if ((pte & S) != 0 || !pfn) {
    return isSpecial(vma, pfn, pte) ? TableInvariant.None : TableInvariant.PteSpecial;
  }
  return checkNamed(vma, pfn, pte);
}

/** The zero page without W, or a device's in an area of it, which nobody holds. */
function isSpecial(vma: Vma, pfn: u32, pte: u64): bool {
  if (!(pte & S)) return false;
  if (!pfn) return !(pte & W);
  if (!(vma.flags & VM_PFNMAP) || pte & E) return false;
  if (pte & W && !(vma.flags & VM_SHARED)) return false;
  return seeDevice(pfn);
}

function isAllowed(vmFlags: u32, pte: u64): bool {
  if (((pte & U) != 0) != ((vmFlags & ACCESS) != 0)) return false;
  if (((pte & NX) != 0) == ((vmFlags & VM_EXEC) != 0)) return false;
  return !(pte & W) || (vmFlags & VM_WRITE) != 0;
}

/** What the pte's frame has to say of it. */
function checkNamed(vma: Vma, pfn: u32, pte: u64): u32 {
  const frame = frameOf(pfn);
  if (!frame.mapcount) return TableInvariant.MapCount;
  ptesSeen += weigh(pfn);
  const isAnon = flagTest(PG.anon, pfn);
  if (frame.mapping & MAPPING_KSM && isAnon) {
    return pte & W || !(vma.flags & VM_MERGEABLE) ? KsmInvariant.Pte : TableInvariant.None;
  }
  if (pte & W && !(vma.flags & VM_SHARED) && !(isAnon && frame.mapcount == 1)) {
    return TableInvariant.PteWrite;
  }
  if (pte & W && !mayWriteUnmarked(vma, pte)) return TableInvariant.SoftDirty;
  if (isUnnoticed(vma, pfn, pte)) return DirtyInvariant.Unnoticed;
  const isKnown = isAnon ? isChained(vma, frame.mapping) : frame.mapping == vma.mapping;
  return isKnown ? TableInvariant.None : TableInvariant.FrameOwner;
}

function isChained(vma: Vma, owner: usize): bool {
  const anonVma = owner & ~MAPPING_ANON;
  if (!(owner & MAPPING_ANON) || !anonVma) return false;
  if (vma.anonVma == anonVma) return true;
  for (let at = vma.chainFirst; at; at = changetype<Link>(at).next) {
    if (changetype<Link>(at).object == anonVma) return true;
  }
  return false;
}
