// The page table entry: one u64 that says where a page is and what may be done to it.
//
//   63 62    52 51                       12 11 10 9  8 7 6 5 4 3 2 1 0
//  ┌──┬────────┬───────────────────────────┬──┬──┬──┬─┬─┬─┬─┬─┬─┬─┬─┬─┐
//  │NX│  zero  │            pfn            │s │e │S │G│H│D│A│c│w│U│W│P│
//  └──┴────────┴───────────────────────────┴──┴──┴──┴─┴─┴─┴─┴─┴─┴─┴─┴─┘
//   P present      W writable     U user (clear: PROT_NONE)   A accessed   D dirty
//   H huge leaf    S soft-dirty   e an export record exists   s special: no frame record counts it
//   NX no execute
//
// Invariants
//   T1  P clear means the entry is zero or a swap entry: there is no half-removed entry.
//   T2  A frame mapped by two private ptes has W clear in both: the first write must fault.
//   T3  s set means no mapcount; the zero page (pfn 0) is the one special page that may have e set.
//   T4  W set only where the area has VM_WRITE; U clear exactly where it forbids every access,
//       NX clear exactly where it has VM_EXEC.

import {
  PTE_A,
  PTE_D,
  PTE_EXPORTED,
  PTE_H,
  PTE_P,
  PTE_SOFT_DIRTY,
  PTE_SPECIAL,
  PTE_U,
  PTE_W,
  VM_EXEC,
  VM_READ,
  VM_WRITE,
} from "../abi";

export const P: u64 = <u64>PTE_P;
export const W: u64 = <u64>PTE_W;
export const U: u64 = <u64>PTE_U;
export const A: u64 = <u64>PTE_A;
export const D: u64 = <u64>PTE_D;
export const H: u64 = <u64>PTE_H;
export const E: u64 = <u64>PTE_EXPORTED;
export const S: u64 = <u64>PTE_SPECIAL;
/** S of the drawing. */
export const SD: u64 = <u64>PTE_SOFT_DIRTY;
export const NX: u64 = 1 << 63;
/** Entry of an upper table. */
export const TABLE: u64 = P | W | U;

const PFN_MASK: u64 = 0x000ffffffffff000;
const ACCESS: u32 = VM_READ | VM_WRITE | VM_EXEC;

export function ptePfn(pte: u64): u32 {
  return <u32>((pte & PFN_MASK) >> 12);
}

export function pteWithPfn(pte: u64, pfn: u32): u64 {
  return (pte & ~PFN_MASK) | ((<u64>pfn) << 12);
}

/** Protection bits that an area's flags give a page, without W. */
export function pteProtection(vmFlags: u32): u64 {
  let bits = P;
  if (vmFlags & ACCESS) bits |= U;
  if (!(vmFlags & VM_EXEC)) bits |= NX;
  return bits;
}

/** An accessed entry for `pfn` in an area with `vmFlags`, W clear. */
export function pteMake(pfn: u32, vmFlags: u32): u64 {
  return pteProtection(vmFlags) | A | ((<u64>pfn) << 12);
}

/** `pte` with the protection of `vmFlags`; W survives only where the area allows it. */
export function pteModify(pte: u64, vmFlags: u32): u64 {
  const kept = pte & ~(U | NX | (vmFlags & VM_WRITE ? 0 : W));
  return kept | pteProtection(vmFlags);
}
