// The calls on the machine, its files, and what it looks like, as the shell makes them.

import { ResultField, Status } from "../abi";
import { freeFrames } from "../frame/buddy";
import { Mapping, mappingPut } from "../map/mapping";
import { mmOf } from "../map/mm";
import { frameCount, framesBase, resultBase, vmstatBase, windowBase } from "../mem/layout";
import { resultSet64 } from "../mem/result";
import { commitLimitSet } from "../op/commit-limit";
import { fileCreate, fileGrow, fileOf, filePage } from "../op/file";
import { importArea, importBrk, importPage } from "../op/import";
import { areaNext, mmLayout, pageList, pageQuery } from "../op/inspect";
import { machineCheck, machineInit, settled } from "../op/machine";
import { swapBegin } from "../op/swap-ahead";
import { swapFilled, swapNext, swapWritten } from "../op/swap-in";
import { filePunch, fileTruncate } from "../op/truncate";

export function initEntry(frames: u32): i32 {
  return machineInit(frames);
}

export function checkEntry(): u32 {
  return machineCheck();
}

export function resultPointer(): u32 {
  return <u32>resultBase;
}

export function vmstatPointer(): u32 {
  return <u32>vmstatBase;
}

export function windowPointer(): u32 {
  return <u32>windowBase;
}

export function framesPointer(): u32 {
  return <u32>framesBase;
}

export function framesTotal(): u32 {
  return frameCount;
}

export function framesFree(): u32 {
  return freeFrames();
}

/** Largest single promise of private writable memory in pages; 0: as many as there are frames. */
export function overcommitEntry(pages: f64): void {
  commitLimitSet(<u64>pages);
}

export function fileCreateEntry(kind: u32, size: f64): i32 {
  return settled(fileCreate(kind, <u64>size));
}

/** The host's own reference goes; areas that show the file keep theirs. EBADF for no file. */
export function fileReleaseEntry(handle: u32): i32 {
  const file = fileOf(handle);
  if (!file) return Status.EBADF;
  mappingPut(changetype<Mapping>(file));
  return settled(Status.Ok);
}

export function fileSizeEntry(handle: u32): f64 {
  const file = fileOf(handle);
  return file ? <f64>changetype<Mapping>(file).size : 0;
}

export function fileGrowEntry(handle: u32, size: f64, from: f64): i32 {
  const file = fileOf(handle);
  return file ? fileGrow(changetype<Mapping>(file), <u64>size, <u64>from) : Status.EBADF;
}

export function filePageEntry(handle: u32, index: f64, how: u32): i32 {
  const file = fileOf(handle);
  if (!file) return Status.EBADF;
  return settled(filePage(changetype<Mapping>(file), <u64>index, how));
}

/** Makes a file as long as `size` says, longer or shorter; or a ticket. */
export function fileTruncateEntry(handle: u32, size: f64): i32 {
  const file = fileOf(handle);
  return file ? settled(fileTruncate(changetype<Mapping>(file), <u64>size)) : Status.EBADF;
}

/** Punches a hole of `length` bytes at `start`; or a ticket. */
export function filePunchEntry(handle: u32, start: f64, length: f64): i32 {
  const file = fileOf(handle);
  if (!file) return Status.EBADF;
  return settled(filePunch(changetype<Mapping>(file), <u64>start, <u64>length));
}

/** Makes a swap area of `slots` pages whose bytes the host keeps. */
export function swapOnEntry(slots: u32): i32 {
  return settled(swapBegin(slots));
}

/** The next frame at or above `from` that waits to be written out: 1 with Count and Pfn, or 0. */
export function swapNextEntry(from: u32): i32 {
  return swapNext(from);
}

export function swapWrittenEntry(slot: u32, failed: u32): i32 {
  return settled(swapWritten(slot, failed != 0));
}

export function swapFilledEntry(slot: u32, failed: u32): i32 {
  return settled(swapFilled(slot, failed != 0));
}

export function areaNextEntry(handle: u32, address: f64): i32 {
  const mm = mmOf(handle);
  return mm ? areaNext(mm, <u64>address) : Status.ESRCH;
}

export function pageQueryEntry(handle: u32, address: f64): i32 {
  const mm = mmOf(handle);
  return mm ? pageQuery(mm, <u64>address) : Status.ESRCH;
}

export function pageListEntry(handle: u32, start: f64, end: f64): u32 {
  const mm = mmOf(handle);
  if (mm) return pageList(mm, <u64>start, <u64>end);
  resultSet64(ResultField.ValueLo, 0);
  return 0;
}

export function layoutEntry(handle: u32): i32 {
  const mm = mmOf(handle);
  return mm ? mmLayout(mm) : Status.ESRCH;
}

export function importAreaEntry(
  handle: u32,
  start: f64,
  end: f64,
  vmFlags: u32,
  offset: f64,
  mapping: u32,
  name: u32,
): i32 {
  const mm = mmOf(handle);
  if (!mm) return Status.ESRCH;
  const file = fileOf(mapping);
  if (mapping && !file) return Status.EBADF;
  return settled(importArea(mm, <u64>start, <u64>end, vmFlags, <u64>offset, file, name));
}

export function importPageEntry(handle: u32, address: f64, zero: u32): i32 {
  const mm = mmOf(handle);
  return mm ? settled(importPage(mm, <u64>address, zero != 0)) : Status.ESRCH;
}

export function importBrkEntry(handle: u32, start: f64, brk: f64): i32 {
  const mm = mmOf(handle);
  return mm ? importBrk(mm, <u64>start, <u64>brk) : Status.ESRCH;
}
