// A machine with a pool of huge pages, for tests of those.

import {
  MAP_ANONYMOUS,
  MAP_FIXED,
  MAP_HUGETLB,
  MAP_PRIVATE,
  MAP_SHARED,
} from "../../src/constants.ts";
import type { Mm } from "../../src/mm.ts";
import { BASE, type Booted, type BootOptions, boot, MIB, READ_WRITE } from "./boot.ts";

/** Bytes of a huge page. */
export const HUGE = 2 * MIB;
export const HUGE_PRIVATE = MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB;
export const HUGE_SHARED = MAP_SHARED | MAP_ANONYMOUS | MAP_HUGETLB;

/** A machine whose pool has `count` huge pages, and 6 MiB besides. */
export function bootHuge(count: number, options: BootOptions = {}): Booted {
  return boot("", { memory: (count + 1) * HUGE + 4 * MIB, hugePages: count, ...options });
}

/** Address of huge page `index` of the drawing, and of a byte in it. */
export function huge(index: number, byte = 0): number {
  return BASE + index * HUGE + byte;
}

/** Arguments of a range of huge pages: address, length. */
export function hugePages(first: number, end: number): [number, number] {
  return [huge(first), (end - first) * HUGE];
}

/** Maps huge pages [first, end) there. */
export function mapHuge(mm: Mm, first: number, end: number, flags = HUGE_PRIVATE): number {
  return mm.mmapSync(...hugePages(first, end), READ_WRITE, flags | MAP_FIXED);
}

/** Writes one byte somewhere in a huge page. */
export function put(mm: Mm, index: number, value: number, byte = 4097): void {
  mm.writeSync(huge(index, byte), Uint8Array.of(value));
}

export function get(mm: Mm, index: number, byte = 4097): number | undefined {
  return mm.readSync(huge(index, byte), 1)[0];
}

/** Areas from BASE on: first and last huge page, in pages of 2 MiB. */
export function areasOf(mm: Mm): string {
  const inHuge = (address: number) => (address - BASE) / HUGE;
  return mm
    .areas()
    .filter(({ start }) => start >= BASE && start < huge(64))
    .map(({ start, end }) => `${inHuge(start)}-${inHuge(end)}`)
    .join(" ");
}
