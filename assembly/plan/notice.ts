// Notices: what a ticket's subscribers are to be told, read by the shell word by word.
//
// Written by: plans, through op/*.ts.

import {
  Demand,
  NoticeField,
  NoticeKind,
  PROT_EXEC,
  PROT_READ,
  PROT_WRITE,
  Reason,
  VM_EXEC,
  VM_READ,
  VM_WRITE,
  Vmstat,
} from "../abi";
import { Pool, poolAlloc, poolFree, poolHas, poolInit } from "../frame/pool";
import { Mm } from "../map/mm";
import { statAdd } from "../mem/vmstat";

@unmanaged
export class Notice {
  next: usize;
  kind: u32;
  mm: u32;
  reason: u32;
  demand: u32;
  oldProt: u32;
  newProt: u32;
  /** The frame; the handle of the file. */
  pfn: u32;
  start: u64;
  end: u64;
}

// The record and the word map the shell reads it by must not drift: this stops the build.
if (offsetof<Notice>() != NoticeField.LENGTH << 2) ERROR("Notice resized; see abi.ts");
if (offsetof<Notice>("start") != NoticeField.StartLo << 2) ERROR("Notice.start moved; see abi.ts");
if (offsetof<Notice>("pfn") != NoticeField.Pfn << 2) ERROR("Notice.pfn moved; see abi.ts");

export const noticePool = changetype<Pool>(memory.data(offsetof<Pool>()));

export function noticeInit(): void {
  poolInit(noticePool, offsetof<Notice>());
}

// The notices of the plan that is being made, in order.
let first: usize = 0;
let last: usize = 0;
let lacked: bool = false;

export function noticesClear(): void {
  noticesFree(first);
  first = 0;
  last = 0;
  lacked = false;
}

/** The list made since `noticesClear`; it becomes the caller's. */
export function noticesTake(): usize {
  const list = first;
  first = 0;
  last = 0;
  return list;
}

/** True when memory lacked for a notice: the plan is void. */
export function noticesLacked(): bool {
  return lacked;
}

export function noticesAny(): bool {
  return first != 0;
}

export function noticesFree(list: usize): void {
  let at = list;
  while (at) {
    const next = changetype<Notice>(at).next;
    poolFree(noticePool, at);
    at = next;
  }
}

/** The notice at an address that the shell gives back, or null where there is none. */
export function noticeOf(pointer: u32): Notice | null {
  return poolHas(noticePool, <usize>pointer) ? changetype<Notice>(<usize>pointer) : null;
}

function append(kind: NoticeKind, reason: Reason, demand: Demand): Notice | null {
  const pointer = poolAlloc(noticePool);
  if (!pointer) {
    lacked = true;
    return null;
  }
  const notice = changetype<Notice>(pointer);
  statAdd(Vmstat.notice, 1);
  notice.kind = kind;
  notice.reason = reason;
  notice.demand = demand;
  if (last) changetype<Notice>(last).next = pointer;
  else first = pointer;
  last = pointer;
  return notice;
}

/** PROT_ bits of an area's flags. */
export function protOf(vmFlags: u32): u32 {
  let prot: u32 = 0;
  if (vmFlags & VM_READ) prot |= PROT_READ;
  if (vmFlags & VM_WRITE) prot |= PROT_WRITE;
  if (vmFlags & VM_EXEC) prot |= PROT_EXEC;
  return prot;
}

/** [start, end) of `mm` is about to change. Protections are PROT_ bits, the same when they stay. */
export function noticeRange(
  mm: Mm,
  start: u64,
  end: u64,
  reason: Reason,
  demand: Demand,
  oldProt: u32,
  newProt: u32,
): void {
  const notice = append(NoticeKind.ProcessRange, reason, demand);
  if (!notice) return;
  notice.mm = mm.handle;
  notice.start = start;
  notice.end = end;
  notice.oldProt = oldProt;
  notice.newProt = newProt;
}

export function noticeRelease(mm: Mm): void {
  const notice = append(NoticeKind.Release, Reason.Exit, Demand.Nothing);
  if (notice) notice.mm = mm.handle;
}

export function noticePage(pfn: u32, reason: Reason, demand: Demand): void {
  const notice = append(NoticeKind.Page, reason, demand);
  if (notice) notice.pfn = pfn;
}

/**
 * Bytes [start, end) of a file are about to go. `mapping` is its handle. Hits must follow: with the
 * file's notice they are one.
 */
export function noticeMapping(
  mapping: u32,
  start: u64,
  end: u64,
  reason: Reason,
  demand: Demand,
): void {
  const notice = append(NoticeKind.MappingRange, reason, demand);
  if (!notice) return;
  notice.pfn = mapping;
  notice.start = start;
  notice.end = end;
}

/** [start, end) of `mm` shows a part of the mapping range noticed last. */
export function noticeHit(mm: Mm, start: u64, end: u64, reason: Reason, demand: Demand): void {
  const notice = append(NoticeKind.Hit, reason, demand);
  if (!notice) return;
  notice.mm = mm.handle;
  notice.start = start;
  notice.end = end;
}
