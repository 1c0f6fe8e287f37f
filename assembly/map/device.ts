// Memory that a device owns (what Linux's drivers name by pfn): frames that lie together, outside
// the page cache and the reverse map. Special ptes name them, and nothing counts those but the
// device itself; so it can tell when nobody sees it any more.
//
//    0        4        8        12       16
//   ┌────────┬────────┬────────┬────────┐
//   │  pfn   │ pages  │  ptes  │ plans  │       frame.mapping = the device, PG.reserved, refcount 1
//   └────────┴────────┴────────┴────────┘
//
//   deviceCreate ──▶ owned ──▶ shown (ptes or plans > 0) ──▶ owned ──▶ deviceRelease
//                                 deviceRelease: EBUSY
//
// Invariants
//   Q1  A device's frames have PG.reserved, name the device, and have one reference, its own, no
//       mapcount and no export record.
//   Q2  `ptes` counts the special ptes that name the device's frames.
//   Q3  `plans` counts the planned tickets that will map the device's frames.
//
// Written by: op/pfn-range.ts, op/fork.ts, op/fault.ts, op/zap.ts.

import { ORDER_MAX, PG, Status } from "../abi";
import { frameAlloc, framesFreeRun } from "../frame/buddy";
import { flagClearRange, flagSetRange } from "../frame/flag-range";
import { flagTest } from "../frame/flags";
import { frameAddress, frameOf } from "../frame/frame";
import { Pool, poolAlloc, poolFree, poolHas, poolInit } from "../frame/pool";
import { frameCount } from "../mem/layout";

@unmanaged
export class Device {
  /** First of its frames. */
  pfn: u32;
  /** Frames; 0 of a record that is free. */
  pages: u32;
  ptes: u32;
  plans: u32;
}

/** Frames of the largest device: what one contiguous block has. */
export const DEVICE_PAGES_MAX: u32 = 1 << ORDER_MAX;

export const devicePool = changetype<Pool>(memory.data(offsetof<Pool>()));

export function deviceInit(): void {
  poolInit(devicePool, offsetof<Device>());
}

/** The device of a handle, 0 for any other number. */
export function deviceOf(handle: u32): usize {
  const pointer = (<usize>handle) << 3;
  const exists = poolHas(devicePool, pointer) && changetype<Device>(pointer).pages != 0;
  return exists ? pointer : 0;
}

/** The device that owns all of frames [pfn, pfn + count), or 0. */
export function deviceAt(pfn: u64, count: u64): usize {
  if (pfn >= frameCount || !flagTest(PG.reserved, <u32>pfn)) return 0;
  const pointer = frameOf(<u32>pfn).mapping;
  if (!pointer) return 0;
  const device = changetype<Device>(pointer);
  return count <= <u64>device.pfn + device.pages - pfn ? pointer : 0;
}

/** `pages` zeroed frames that lie together: a handle; EINVAL for none or too many; ENOMEM. */
export function deviceCreate(pages: u32): i32 {
  if (!pages || pages > DEVICE_PAGES_MAX) return Status.EINVAL;
  let order: u32 = 0;
  while ((<u32>1) << order < pages) order++;
  const pointer = poolAlloc(devicePool);
  if (!pointer) return Status.ENOMEM;
  const pfn = frameAlloc(order);
  if (!pfn) {
    poolFree(devicePool, pointer);
    return Status.ENOMEM;
  }
  const surplus = ((<u32>1) << order) - pages;
  if (surplus) framesFreeRun(pfn + pages, surplus);
  memory.fill(frameAddress(pfn), 0, (<usize>pages) << 12);
  flagSetRange(PG.reserved, pfn, pfn + pages);
  for (let at = pfn; at < pfn + pages; at++) {
    frameOf(at).refcount = 1;
    frameOf(at).mapping = pointer;
  }
  const device = changetype<Device>(pointer);
  device.pfn = pfn;
  device.pages = pages;
  return <i32>(pointer >>> 3);
}

/** Gives its frames back. EBUSY while a pte or a plan names one of them. */
export function deviceRelease(device: Device): i32 {
  if (device.ptes || device.plans) return Status.EBUSY;
  flagClearRange(PG.reserved, device.pfn, device.pfn + device.pages);
  framesFreeRun(device.pfn, device.pages);
  device.pages = 0;
  poolFree(devicePool, changetype<usize>(device));
  return Status.Ok;
}

/** `delta` more special ptes name frame `pfn`, which is a device's; below zero, less. */
export function deviceCount(pfn: u32, delta: i32): void {
  changetype<Device>(frameOf(pfn).mapping).ptes += delta;
}
