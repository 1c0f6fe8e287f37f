// The values in a call's arguments: numbers, flags by name, descriptors with their paths, strings.

import * as constants from "../../constants.ts";
import { Unreadable } from "./unreadable.ts";

const LINUX = /^(?:PROT|MAP|MADV|MREMAP|MS|MLOCK|MCL)_/;

/** Flags by name: Linux's numbers on x86-64. */
const NAMES: ReadonlyMap<string, number> = new Map([
  ...Object.entries(constants).filter(([name]) => LINUX.test(name)),
  ["MAP_FILE", 0],
  ["MAP_ANON", constants.MAP_ANONYMOUS],
  ["MAP_DROPPABLE", 0x8],
  ["MAP_ABOVE4G", 0x80],
  ["MAP_UNINITIALIZED", 0x400_0000],
  ["MAP_HUGE_SHIFT", 26],
  ["MADV_HWPOISON", 100],
  ["MADV_SOFT_OFFLINE", 101],
  ["FALLOC_FL_KEEP_SIZE", 0x1],
  ["FALLOC_FL_PUNCH_HOLE", 0x2],
  ["FALLOC_FL_COLLAPSE_RANGE", 0x8],
  ["FALLOC_FL_ZERO_RANGE", 0x10],
  ["FALLOC_FL_INSERT_RANGE", 0x20],
  ["FALLOC_FL_UNSHARE_RANGE", 0x40],
  ["SHM_RDONLY", 0x1000],
  ["SHM_RND", 0x2000],
  ["SHM_REMAP", 0x4000],
  ["SHM_EXEC", 0x8000],
  ["CLONE_VM", 0x100],
  ["CLONE_FILES", 0x400],
  ["CLONE_THREAD", 0x1_0000],
]);

const COMMENT = /\/\*.*?\*\//g;
const NUMBER = /^-?(?:0x[0-9a-f]{1,16}|\d{1,20})$/i;
const SHIFT = /^(\w+)<<(\w+)$/;
const FD = /^(-?\d+)(?:<(.*)>)?(?:\(deleted\))?$/;

/** An address, a length, an offset. */
export function number(text: string | undefined): number {
  const value = plain(text);
  if (value === "NULL") return 0;
  if (!NUMBER.test(value)) throw new Unreadable("a number that is none");
  return value.startsWith("-") ? -Number(value.slice(1)) : Number(value);
}

/** Names and numbers joined by `|`: `PROT_READ|0x10`, `0x3`, `21<<MAP_HUGE_SHIFT`. */
export function flags(text: string | undefined): number {
  return plain(text)
    .split("|")
    .reduce((sum, part) => sum | bit(part.trim()), 0);
}

function bit(text: string): number {
  const [, low, high] = SHIFT.exec(text) ?? [];
  if (low !== undefined && high !== undefined) return bit(low) << bit(high);
  const known = NAMES.get(text);
  if (known !== undefined) return known;
  if (!NUMBER.test(text)) throw new Unreadable(`a flag that is not known: ${shown(text)}`);
  return Number(text) | 0;
}

/** Whether a set of flags has one, by name or in a number; other names need not be known. */
export function hasFlag(text: string, name: string): boolean {
  const wanted = NAMES.get(name) ?? 0;
  return text
    .replace(COMMENT, "")
    .split("|")
    .some((part) => part === name || (NUMBER.test(part) && (Number(part) & wanted) !== 0));
}

export interface Descriptor {
  readonly fd: number;
  /** With -y. */
  readonly path: string | null;
}

/** `3`, `3</lib/libc.so.6>`, `3</x>(deleted)`, `-1`. */
export function descriptor(text: string | undefined): Descriptor {
  const found = FD.exec(plain(text));
  if (found === null) throw new Unreadable("a descriptor that is none");
  return { fd: Number(found[1]), path: found[2] ?? null };
}

/** What stands between the quotes, escapes as they are; null for an address or NULL. */
export function quoted(text: string | undefined): string | null {
  return /^"((?:[^"\\]|\\.)*)"/.exec(text ?? "")?.[1] ?? null;
}

function plain(text: string | undefined): string {
  if (text === undefined || text === "") throw new Unreadable("a call that lacks an argument");
  // `name=value`, as clone has it.
  const value = /^[a-z_]+=(.*)$/.exec(text)?.[1] ?? text;
  return value.includes("/*") ? value.replace(COMMENT, "").trim() : value;
}

const SHOWN_MAX = 32;

function shown(text: string): string {
  return text.length > SHOWN_MAX ? `${text.slice(0, SHOWN_MAX)}…` : text;
}
