// The checker of devices: their frames, and the special ptes that name them.
//
// Written by: nobody. Read by: check.ts; check-table.ts, which sees the ptes.

import { PG } from "../abi";
import { flagTest } from "../frame/flags";
import { frameOf } from "../frame/frame";
import { frameCount } from "../mem/layout";
import { usedFirst, usedNext, weigh } from "./check-used";
import { Device, deviceAt, devicePool } from "./device";

/** Numbers of broken invariants of devices. */
export const enum DeviceInvariant {
  None = 0,
  /** Q1: a frame without its flag or its device, or that somebody else counts. */
  Frame = 451,
  /** Q2: a device counts other ptes than there are. */
  Ptes = 452,
}

/** Sum over the special ptes of devices seen since `devicesForget`. */
let seen: u64 = 0;

export function devicesForget(): void {
  seen = 0;
}

/** Whether `pfn`, named by a special pte, is a device's. */
export function seeDevice(pfn: u32): bool {
  const device = deviceAt(pfn, 1);
  if (device) seen += weigh(device);
  return device != 0;
}

/** Q1 and Q2. Precondition: every table has been walked since `devicesForget`. */
export function checkDevices(): u32 {
  let counted: u64 = 0;
  for (let at = usedFirst(devicePool); at; at = usedNext()) {
    const device = changetype<Device>(at);
    if (!framesAreOwn(device)) return DeviceInvariant.Frame;
    counted += weigh(at) * device.ptes;
  }
  return counted == seen ? DeviceInvariant.None : DeviceInvariant.Ptes;
}

function framesAreOwn(device: Device): bool {
  if (!device.pages || device.pfn + device.pages > frameCount) return false;
  for (let pfn = device.pfn; pfn < device.pfn + device.pages; pfn++) {
    const frame = frameOf(pfn);
    if (!flagTest(PG.reserved, pfn) || frame.mapping != changetype<usize>(device)) return false;
    if (frame.refcount != 1 || frame.mapcount || frame.exports) return false;
  }
  return true;
}
