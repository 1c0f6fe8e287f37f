// What a caller may pass: a wrong type is a TypeError before anything is done; a wrong value goes
// to the engine, which answers as Linux does.
//
// Invariants
//   A1  A number that reaches the engine is whole. A negative one arrives as the unsigned 64-bit
//       value that a system call would see.

import { PAGE_SIZE } from "../assembly/abi.ts";

const WORD_64 = 2 ** 64;
const INT_MIN = -(2 ** 31);
const UINT_END = 2 ** 32;

/** Distance of neighbouring doubles just below 2**64. */
const COARSE = 2048;

/** An address or a length in bytes, as an unsigned 64-bit number. */
export function word(value: number, name: string): number {
  if (Number.isInteger(value) && value >= 0) return value;
  return negative(whole(value, name));
}

/** A C `int`, or flags of which only the low 32 bits count: taken modulo 2**32. */
export function int(value: number, name: string): number {
  return whole(value, name) | 0;
}

/** Flags of which every bit counts: what does not fit in 32 bits becomes "every bit set". */
export function strictFlags(value: number, name: string): number {
  whole(value, name);
  return value < INT_MIN || value >= UINT_END ? -1 : value | 0;
}

/** A count, an index or a size that must not be negative. */
export function natural(value: number, name: string): number {
  if (whole(value, name) < 0) throw new RangeError(`${name}: ${value} is below zero`);
  return value;
}

/** Milliseconds, not negative; Infinity is "never". */
export function duration(value: number, name: string): number {
  if (typeof value !== "number" || Number.isNaN(value)) throw typeError(name, "a number", value);
  if (value < 0) throw new RangeError(`${name}: ${value} is below zero`);
  return value;
}

/** Bytes to read from or to write. */
export function bytes(value: unknown, name: string): Uint8Array {
  if (value instanceof Uint8Array) return value;
  if (ArrayBuffer.isView(value)) {
    return new Uint8Array(value.buffer, value.byteOffset, value.byteLength);
  }
  if (value instanceof ArrayBuffer) return new Uint8Array(value);
  throw typeError(name, "a Uint8Array", value);
}

/** Where to read to: the caller's own bytes, or new ones of a given length. */
export function target(value: number | Uint8Array, name: string): Uint8Array {
  return typeof value === "number" ? new Uint8Array(natural(value, name)) : bytes(value, name);
}

/** An object, or nothing at all. */
export function options<T extends object>(value: T | undefined, name: string): T | undefined {
  if (value === undefined) return undefined;
  if (typeof value !== "object" || value === null) throw typeError(name, "an object", value);
  return value;
}

/** True or false; left out is false. */
export function flag(value: boolean | undefined, name: string): boolean {
  if (value === undefined || typeof value === "boolean") return value === true;
  throw typeError(name, "true or false", value);
}

/** What one of several words stands for. */
export function oneOf<K extends string, V>(
  value: K,
  name: string,
  words: Readonly<Record<K, V>>,
): V {
  if (Object.hasOwn(words, value)) return words[value];
  const list = Object.keys(words).join(", ");
  throw typeError(name, `one of ${list}`, value);
}

/** Text. */
export function text(value: string, name: string): string {
  if (typeof value === "string") return value;
  throw typeError(name, "a string", value);
}

/** An object that has certain methods. */
export function methods<T extends object>(value: T, name: string, names: readonly (keyof T)[]): T {
  if (typeof value !== "object" || value === null) throw typeError(name, "an object", value);
  for (const key of names) {
    if (typeof value[key] === "function") continue;
    throw typeError(`${name}.${String(key)}`, "a function", value[key]);
  }
  return value;
}

export function typeError(name: string, wanted: string, got: unknown): TypeError {
  return new TypeError(`${name}: expected ${wanted}, got ${describe(got)}`);
}

function whole(value: number, name: string): number {
  if (Number.isInteger(value)) return value;
  throw typeError(name, "a whole number", value);
}

function negative(value: number): number {
  const wrapped = value % WORD_64;
  const inPage = wrapped - Math.floor(wrapped / PAGE_SIZE) * PAGE_SIZE;
  if (inPage === 0) return wrapped + WORD_64;
  // What is not a multiple of a page must stay so: doubles up there are `COARSE` apart.
  return wrapped - inPage + COARSE + WORD_64;
}

function describe(value: unknown): string {
  if (value === null) return "null";
  if (typeof value === "number") return String(value);
  if (typeof value === "object") return `an instance of ${value.constructor?.name ?? "Object"}`;
  return typeof value;
}
