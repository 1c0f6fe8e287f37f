// A region of private memory whose pages a case touches: a byte in each, at changing places.

import { MAP_ANONYMOUS, MAP_PRIVATE, PROT_READ, PROT_WRITE } from "../src/constants.ts";
import { mix } from "./digest.ts";
import { PAGE, type Space } from "./memory.ts";

/** Steps of the place in the page and of the byte; odd and prime, so that they do not repeat. */
const PLACE_STEP = 67;
const BYTE_STEP = 13;

/** What a machine needs beyond the pages of a region: tables, and frames to spare. */
const SPARE_BYTES = 16 * 1024 * 1024;

export function memoryForPages(pages: number): number {
  return pages * PAGE + Math.ceil(pages / 64) * PAGE + SPARE_BYTES;
}

/** The byte of a page that is touched, from the page's start. */
export function touchedByte(page: number): number {
  return (page * PLACE_STEP) % PAGE;
}

/** What is written there. */
export function touchedValue(page: number): number {
  return 1 + ((page * BYTE_STEP) % 255);
}

/** Maps so many pages where the system wants them. The address. */
export function mapRegion(space: Space, pages: number): number {
  return space.mmap(0, pages * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS);
}

/** Writes a byte to each page, lowest first. A checksum of where. */
export function touch(space: Space, start: number, pages: number): number {
  let sum = 0;
  for (let page = 0; page < pages; page++) {
    const at = start + page * PAGE + touchedByte(page);
    space.store(at, touchedValue(page));
    sum = mix(sum, at);
  }
  return sum;
}
