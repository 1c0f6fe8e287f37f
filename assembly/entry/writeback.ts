// The calls of files whose bytes the host keeps, and of writing dirty pages back.

import { ResultField, Status } from "../abi";
import { dirtyFirst } from "../map/dirty";
import { Hole, holeNext, holeStored } from "../map/hole";
import { Mapping, mappingGet } from "../map/mapping";
import { resultSet, resultSet64 } from "../mem/result";
import { fileOf, fileOpen } from "../op/file";
import { fileFilled, fileReadBegin } from "../op/file-read";
import { settled } from "../op/machine";
import { fileRedirty, fileTrimmed, fileWriteback, fileWritten } from "../op/writeback";

/** A file on a disk whose `size` bytes the host has. */
export function fileOpenEntry(size: f64): i32 {
  return settled(fileOpen(<u64>size));
}

/** One more reference for the host, which `mapping_release` gives back. */
export function fileHoldEntry(handle: u32): i32 {
  const file = fileOf(handle);
  if (!file) return Status.EBADF;
  mappingGet(changetype<Mapping>(file));
  return Status.Ok;
}

/** Begins to read pages from `index` on: how many, or a status. */
export function fileReadEntry(handle: u32, index: f64, most: u32): i32 {
  const file = fileOf(handle);
  if (!file) return Status.EBADF;
  return settled(fileReadBegin(changetype<Mapping>(file), <u64>index, most));
}

export function fileFilledEntry(handle: u32, index: f64, failed: u32): i32 {
  const file = fileOf(handle);
  if (!file) return Status.EBADF;
  return settled(fileFilled(changetype<Mapping>(file), <u64>index, failed != 0));
}

export function writebackEntry(handle: u32, first: f64, end: f64, most: u32, mode: u32): i32 {
  resultSet(ResultField.Blocker, 0);
  const file = fileOf(handle);
  if (!file) return Status.EBADF;
  const mapping = changetype<Mapping>(file);
  return settled(fileWriteback(mapping, <u64>first, <u64>end, most, mode));
}

export function writtenEntry(handle: u32, index: f64, bytes: u32, failed: u32): i32 {
  const file = fileOf(handle);
  if (!file) return Status.EBADF;
  return settled(fileWritten(changetype<Mapping>(file), <u64>index, bytes, failed != 0));
}

export function redirtyEntry(handle: u32, index: f64): i32 {
  const file = fileOf(handle);
  return file ? settled(fileRedirty(changetype<Mapping>(file), <u64>index)) : Status.EBADF;
}

export function trimmedEntry(handle: u32, end: f64): i32 {
  const file = fileOf(handle);
  if (!file) return Status.EBADF;
  fileTrimmed(changetype<Mapping>(file), <u64>end);
  return settled(Status.Ok);
}

/** Of a file that a host keeps: Value = where its bytes end, Start = where stale ones do. */
export function fileDiskEntry(handle: u32): i32 {
  const file = fileOf(handle);
  if (!file) return Status.EBADF;
  const mapping = changetype<Mapping>(file);
  resultSet64(ResultField.ValueLo, mapping.diskEnd);
  resultSet64(ResultField.StartLo, mapping.staleEnd);
  resultSet(ResultField.Count, mapping.dirty);
  resultSet(ResultField.RefCount, mapping.refs);
  return Status.Ok;
}

/** The first hole of pages [first, end) that is not stored: 1 with Start and End in pages, or 0. */
export function holeNextEntry(handle: u32, first: f64, end: f64): i32 {
  const file = fileOf(handle);
  if (!file) return Status.EBADF;
  const found = holeNext(changetype<Mapping>(file), <u64>first, <u64>end);
  if (!found) return 0;
  resultSet64(ResultField.StartLo, changetype<Hole>(found).start);
  resultSet64(ResultField.EndLo, changetype<Hole>(found).end);
  return 1;
}

export function holeStoredEntry(handle: u32, first: f64, end: f64): i32 {
  const file = fileOf(handle);
  if (!file) return Status.EBADF;
  holeStored(changetype<Mapping>(file), <u64>first, <u64>end);
  return settled(Status.Ok);
}

/** The file with dirty pages that comes after `handle` in order of its first one; 0: the first. */
export function dirtyNextEntry(handle: u32): u32 {
  if (!handle) return <u32>(dirtyFirst >>> 3);
  const file = fileOf(handle);
  return file ? <u32>(changetype<Mapping>(file).dirtyNext >>> 3) : 0;
}
