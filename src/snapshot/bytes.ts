// A diff as bytes, for a file or a wire. Little-endian:
//
//   0        8         12        16       24         32      36        40      44       48
//  ┌────────┬─────────┬─────────┬────────┬──────────┬───────┬─────────┬───────┬────────┐
//  │ magic  │ CRC-32  │ has base│   id   │   base   │ areas │ content │ pages │   0    │
//  └────────┴─────────┴─────────┴────────┴──────────┴───────┴─────────┴───────┴────────┘
//   48  areas    each f64 start, f64 end, u32 prot, u32 shared
//       content  each f64 start, f64 end
//       pages    each f64 address; then each 4096 bytes
//
// The checksum is that of everything behind it.

import { PAGE_SIZE } from "../../assembly/abi.ts";
import * as take from "../arguments.ts";
import { type DiffArea, expectDiff, FORMAT, ID_DIGITS, type MmDiff, malformed } from "./diff.ts";

const MAGIC = "pbdiff1\n";
const HEADER = 48;
const CHECKED_FROM = 12;
const AREA = 24;
const RANGE = 16;
const ADDRESS = 8;

/** CRC-32 (ISO 3309) of every byte value. */
const CRC_TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte;
  for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1;
  return crc;
});

function crc32(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) crc = (crc >>> 8) ^ (CRC_TABLE[(crc ^ byte) & 0xff] ?? 0);
  return ~crc >>> 0;
}

/** The bytes of a diff. EINVAL for what is none. */
export function encodeDiff(diff: MmDiff): Uint8Array {
  expectDiff(diff);
  const { areas, content, addresses } = diff;
  const lists = HEADER + areas.length * AREA + content.length * ADDRESS;
  const pages = lists + addresses.length * ADDRESS;
  const bytes = new Uint8Array(pages + diff.bytes.byteLength);
  const view = new DataView(bytes.buffer);
  bytes.set(Array.from(MAGIC, (letter) => letter.charCodeAt(0)));
  view.setUint32(12, diff.base === null ? 0 : 1, true);
  setName(view, 16, diff.id);
  if (diff.base !== null) setName(view, 24, diff.base);
  view.setUint32(32, areas.length, true);
  view.setUint32(36, content.length / 2, true);
  view.setUint32(40, addresses.length, true);
  areas.forEach((area, index) => {
    setArea(view, HEADER + index * AREA, area);
  });
  const ranges = HEADER + areas.length * AREA;
  content.forEach((value, index) => {
    view.setFloat64(ranges + index * ADDRESS, value, true);
  });
  addresses.forEach((value, index) => {
    view.setFloat64(lists + index * ADDRESS, value, true);
  });
  bytes.set(diff.bytes, pages);
  view.setUint32(8, crc32(bytes.subarray(CHECKED_FROM)), true);
  return bytes;
}

/** The diff of bytes that `encodeDiff` made. EINVAL, with the reason, for any others. */
export function decodeDiff(data: Uint8Array): MmDiff {
  const bytes = take.bytes(data, "data");
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.byteLength < HEADER) throw malformed("too short");
  const magic = String.fromCharCode(...bytes.subarray(0, MAGIC.length));
  if (magic !== MAGIC) throw malformed("these bytes are no diff");
  const [areas, ranges, pages] = [32, 36, 40].map((at) => view.getUint32(at, true)) as Counts;
  const lists = HEADER + areas * AREA + ranges * RANGE;
  const data0 = lists + pages * ADDRESS;
  if (bytes.byteLength !== data0 + pages * PAGE_SIZE) throw malformed("cut off, or too long");
  if (view.getUint32(8, true) !== crc32(bytes.subarray(CHECKED_FROM))) {
    throw malformed("the checksum differs");
  }
  const doubles = (at: number, count: number) =>
    Float64Array.from({ length: count }, (_, index) => view.getFloat64(at + index * ADDRESS, true));
  const diff: MmDiff = {
    format: FORMAT,
    id: nameAt(view, 16),
    base: view.getUint32(12, true) === 0 ? null : nameAt(view, 24),
    areas: Array.from({ length: areas }, (_, index) => areaAt(view, HEADER + index * AREA)),
    content: doubles(HEADER + areas * AREA, 2 * ranges),
    addresses: doubles(lists, pages),
    bytes: bytes.slice(data0),
  };
  expectDiff(diff);
  return diff;
}

type Counts = [areas: number, ranges: number, pages: number];

function setArea(view: DataView, at: number, { start, end, prot, shared }: DiffArea): void {
  view.setFloat64(at, start, true);
  view.setFloat64(at + 8, end, true);
  view.setUint32(at + 16, prot, true);
  view.setUint32(at + 20, shared ? 1 : 0, true);
}

function areaAt(view: DataView, at: number): DiffArea {
  return {
    start: view.getFloat64(at, true),
    end: view.getFloat64(at + 8, true),
    prot: view.getUint32(at + 16, true),
    shared: view.getUint32(at + 20, true) !== 0,
  };
}

function setName(view: DataView, at: number, name: string): void {
  view.setBigUint64(at, BigInt(`0x${name}`), true);
}

function nameAt(view: DataView, at: number): string {
  return view.getBigUint64(at, true).toString(16).padStart(ID_DIGITS, "0");
}
