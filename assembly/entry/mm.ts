// The calls on an address space, as the shell makes them: handles and f64 become records and u64.
//
// Each checks its handle (ESRCH) and, in a debug build, every invariant of the machine afterwards.

import { Access, ResultField, Status } from "../abi";
import { Mm, mmCreate, mmOf } from "../map/mm";
import { resultSet } from "../mem/result";
import { brk } from "../op/brk";
import { exit } from "../op/exit";
import { access } from "../op/fault";
import { fileOf } from "../op/file";
import { fork } from "../op/fork";
import { mincore, msync } from "../op/inquire";
import { settled } from "../op/machine";
import { madvise } from "../op/madvise";
import { mlock, mlockall, munlock, munlockall } from "../op/mlock";
import { mmap } from "../op/mmap";
import { mprotect } from "../op/mprotect";
import { mremap } from "../op/mremap";
import { munmap } from "../op/munmap";
import { populate } from "../op/populate";
import { USER_END } from "../plan/placement";

/** An f64 as an address or length: what does not fit saturates, and fails as Linux has it. */
function bytes(value: f64): u64 {
  return <u64>value;
}

/** The mm that an operation is about; nothing of the one before is left to populate or wait for. */
function operand(handle: u32): Mm | null {
  resultSet(ResultField.PopulateMode, 0);
  resultSet(ResultField.Blocker, 0);
  return mmOf(handle);
}

export function mmCreateEntry(mmapBase: f64, brkStart: f64): i32 {
  const base = bytes(mmapBase);
  const start = bytes(brkStart);
  if ((base | start) & 4095 || base > USER_END || start > USER_END) return Status.EINVAL;
  return settled(mmCreate(base, start));
}

export function mmapEntry(
  handle: u32,
  address: f64,
  length: f64,
  prot: i32,
  flags: i32,
  mapping: u32,
  offset: f64,
): i32 {
  const mm = operand(handle);
  if (!mm) return Status.ESRCH;
  const file = fileOf(mapping);
  return settled(mmap(mm, bytes(address), bytes(length), prot, flags, file, bytes(offset)));
}

export function munmapEntry(handle: u32, address: f64, length: f64): i32 {
  const mm = operand(handle);
  return mm ? settled(munmap(mm, bytes(address), bytes(length))) : Status.ESRCH;
}

export function mprotectEntry(handle: u32, address: f64, length: f64, prot: i32): i32 {
  const mm = operand(handle);
  return mm ? settled(mprotect(mm, bytes(address), bytes(length), prot)) : Status.ESRCH;
}

export function mremapEntry(
  handle: u32,
  address: f64,
  oldLength: f64,
  newLength: f64,
  flags: i32,
  newAddress: f64,
): i32 {
  const mm = operand(handle);
  if (!mm) return Status.ESRCH;
  const from = bytes(oldLength);
  return settled(mremap(mm, bytes(address), from, bytes(newLength), flags, bytes(newAddress)));
}

export function madviseEntry(handle: u32, address: f64, length: f64, advice: i32): i32 {
  const mm = operand(handle);
  return mm ? settled(madvise(mm, bytes(address), bytes(length), advice)) : Status.ESRCH;
}

export function brkEntry(handle: u32, address: f64): i32 {
  const mm = operand(handle);
  return mm ? settled(brk(mm, bytes(address))) : Status.ESRCH;
}

export function mlockEntry(handle: u32, address: f64, length: f64, flags: i32): i32 {
  const mm = operand(handle);
  return mm ? settled(mlock(mm, bytes(address), bytes(length), flags)) : Status.ESRCH;
}

export function munlockEntry(handle: u32, address: f64, length: f64): i32 {
  const mm = operand(handle);
  return mm ? settled(munlock(mm, bytes(address), bytes(length))) : Status.ESRCH;
}

export function mlockallEntry(handle: u32, flags: i32): i32 {
  const mm = operand(handle);
  return mm ? settled(mlockall(mm, flags)) : Status.ESRCH;
}

export function munlockallEntry(handle: u32): i32 {
  const mm = operand(handle);
  return mm ? settled(munlockall(mm)) : Status.ESRCH;
}

export function faultEntry(handle: u32, address: f64, kind: u32): i32 {
  const mm = mmOf(handle);
  if (!mm) return Status.ESRCH;
  if (kind > <u32>Access.Execute) return Status.EINVAL;
  return settled(access(mm, bytes(address), <Access>kind));
}

export function populateEntry(handle: u32, start: f64, end: f64, mode: u32): i32 {
  const mm = mmOf(handle);
  if (!mm) return Status.ESRCH;
  // An EAGAIN may be for want of memory (mlock): then nobody is in the way.
  resultSet(ResultField.Blocker, 0);
  return settled(populate(mm, bytes(start), min(bytes(end), USER_END), mode));
}

export function forkEntry(handle: u32): i32 {
  const mm = mmOf(handle);
  return mm ? settled(fork(mm)) : Status.ESRCH;
}

export function exitEntry(handle: u32): i32 {
  const mm = mmOf(handle);
  return mm ? settled(exit(mm)) : Status.ESRCH;
}

export function mincoreEntry(handle: u32, address: f64, length: f64): i32 {
  const mm = mmOf(handle);
  return mm ? mincore(mm, bytes(address), bytes(length)) : Status.ESRCH;
}

export function msyncEntry(
  handle: u32,
  address: f64,
  length: f64,
  flags: i32,
  from: f64,
  hole: u32,
): i32 {
  const mm = mmOf(handle);
  if (!mm) return Status.ESRCH;
  return msync(mm, bytes(address), bytes(length), flags, bytes(from), hole != 0);
}
