// A machine with a device, and shared memory for it to be shown in.

import { MAP_ANONYMOUS, MAP_FIXED, MAP_SHARED } from "../../src/constants.ts";
import type { Device } from "../../src/device.ts";
import type { Mm } from "../../src/mm.ts";
import { at, type Booted, type BootOptions, boot, PAGE, pages, READ_WRITE } from "./boot.ts";

export const SHARED = MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED;

export interface Driver extends Booted {
  readonly device: Device;
}

/** A device of four pages, each full of its number, and shared memory over pages [8, 12). */
export function driver(drawing = "wwww", options: BootOptions = {}): Driver {
  const booted = boot(drawing, options);
  const device = booted.machine.allocateDevice(4);
  for (let page = 0; page < 4; page++)
    device.bytes.fill(0xd0 + page, page * PAGE, (page + 1) * PAGE);
  booted.mm.mmapSync(...pages(8, 12), READ_WRITE, SHARED);
  return { ...booted, device };
}

/** First byte of each page. */
export function firsts(mm: Mm, first: number, end: number): number[] {
  return Array.from({ length: end - first }, (_, i) => mm.readSync(at(first + i), 1)[0] ?? -1);
}

/** Shows the device over pages of the drawing. */
export function show({ mm, device }: Pick<Driver, "mm" | "device">, first = 8, end = 12): void {
  const [address, length] = pages(first, end);
  mm.remapPfnRangeSync(address, device.pfn, length, READ_WRITE);
}
