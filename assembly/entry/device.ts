// The calls on devices and on the ptes that show them, as the shell makes them.

import { ResultField, Status } from "../abi";
import { Device, deviceCreate, deviceOf, deviceRelease } from "../map/device";
import { mmOf } from "../map/mm";
import { resultSet } from "../mem/result";
import { settled } from "../op/machine";
import { pfnInstall, pfnList, remapPfnRange } from "../op/pfn-range";

/** `pages` zeroed frames that lie together: a handle, with Pfn the first of them. */
export function deviceCreateEntry(pages: u32): i32 {
  const handle = settled(deviceCreate(pages));
  if (handle > 0) resultSet(ResultField.Pfn, changetype<Device>(deviceOf(<u32>handle)).pfn);
  return handle;
}

export function deviceReleaseEntry(handle: u32): i32 {
  const device = deviceOf(handle);
  return device ? settled(deviceRelease(changetype<Device>(device))) : Status.EBADF;
}

export function remapPfnEntry(handle: u32, address: f64, pfn: f64, length: f64, prot: u32): i32 {
  const mm = mmOf(handle);
  if (!mm) return Status.ESRCH;
  return settled(remapPfnRange(mm, <u64>address, <u64>pfn, <u64>length, prot));
}

export function pfnListEntry(handle: u32, start: f64, end: f64): i32 {
  const mm = mmOf(handle);
  return mm ? pfnList(mm, <u64>start, <u64>end) : Status.ESRCH;
}

export function pfnInstallEntry(handle: u32, start: f64, end: f64, count: u32): i32 {
  const mm = mmOf(handle);
  return mm ? settled(pfnInstall(mm, <u64>start, <u64>end, count)) : Status.ESRCH;
}
