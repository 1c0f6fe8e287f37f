// Recordings for tests, written as lines.

import type { Recording } from "../../src/replay/format.ts";
import { parseRecording } from "../../src/replay/recording.ts";

/** The first line of a synthetic recording, as it is in a file. */
export const SYNTHETIC = {
  format: "mm-run/1",
  kernel: "Linux 6.18 x86_64",
  pageSize: 4096,
  arena: ["10000000", "20000000"],
  files: [{ name: "f0", type: "memfd", size: 16384 }],
};

/** The first line of a program's recording. */
export const PROGRAM = {
  format: "mm-run/1",
  kernel: "Linux 6.18 x86_64",
  pageSize: 4096,
  mmapBase: "7ffff7fff000",
  program: ["true"],
};

/** One line: an operation's fields over what most have. */
export function op(name: string, fields: object = {}): object {
  return { op: name, proc: 0, notified: [], ...fields };
}

/** Text of a recording: each line an object, or a string that stands as it is. */
export function text(...lines: readonly (object | string)[]): string {
  return lines
    .map((line) => (typeof line === "string" ? line : JSON.stringify(line)))
    .map((line) => `${line}\n`)
    .join("");
}

export function recording(...lines: readonly (object | string)[]): Recording {
  return parseRecording("test.jsonl", text(SYNTHETIC, ...lines));
}

/** Maps two writable pages at the arena's start. */
export const MAP = op("mmap", {
  addr: "10000000",
  len: 8192,
  prot: 3,
  flags: 0x32,
  file: -1,
  off: 0,
  ret: "10000000",
});

export const WRITE = op("write", { addr: "10000010", byte: 7, ret: 0 });
export const READ = op("read", { addr: "10000010", ret: 7 });
export const UNMAP = op("munmap", {
  addr: "10000000",
  len: 8192,
  ret: 0,
  notified: [[0, "10000000", "10002000"]],
});

/** The state after MAP and WRITE. */
export const STATE = {
  op: "state",
  procs: {
    "0": {
      maps: [["10000000", "10002000", "rw-p", "0", ""]],
      pages: { "10000000": ["PX", 0, 1] },
    },
  },
};
