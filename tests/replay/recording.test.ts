// What does a broken recording get? Its file, its line, and what is wrong with it.

import { gzipSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import { parseRecording, RecordingError, readRecording } from "../../src/replay/recording.ts";
import { MAP, op, PROGRAM, READ, STATE, SYNTHETIC, text, UNMAP, WRITE } from "./lines.ts";

/** The error that text gives, as its line and reason. */
function wrong(source: string): { line: number; reason: string } {
  try {
    parseRecording("some.jsonl", source);
  } catch (error) {
    if (!(error instanceof RecordingError)) throw error;
    expect(error.file).toBe("some.jsonl");
    expect(error.message).toBe(`some.jsonl:${error.line}: ${error.reason}`);
    return { line: error.line, reason: error.reason };
  }
  throw new Error("nothing is wrong with it");
}

const without = (line: object, key: string) =>
  Object.fromEntries(Object.entries(line).filter(([name]) => name !== key));

describe("a first line that is broken", () => {
  test.each<[string, object | string, string]>([
    ["not JSON", "{", "not JSON: "],
    ["empty", "", "not JSON: "],
    ["not an object", "[]", "the line must be an object"],
    ["null", "null", "the line must be an object, not null"],
    ["another format", { ...SYNTHETIC, format: "mm-run/2" }, 'format must be "mm-run/1"'],
    ["no format", without(SYNTHETIC, "format"), "format is missing"],
    ["other pages", { ...SYNTHETIC, pageSize: 16384 }, "pageSize must be 4096, not 16384"],
    ["no kernel", without(SYNTHETIC, "kernel"), "kernel is missing"],
    ["neither kind", without(SYNTHETIC, "arena"), "program and arena are both missing"],
    ["an arena backwards", { ...SYNTHETIC, arena: ["2", "1"] }, "arena must be a range"],
    ["a program that is none", { ...PROGRAM, program: "true" }, "program must be a list"],
    ["a word that is none", { ...PROGRAM, program: [1] }, "a word of program must be a string"],
    ["a base that is none", { ...PROGRAM, mmapBase: 1 }, "mmapBase must be a hex string"],
    ["files that are none", { ...SYNTHETIC, files: {} }, "files must be a list"],
    [
      "a file of no known type",
      { ...SYNTHETIC, files: [{ name: "f0", type: "tape", size: 1 }] },
      'a file\'s type must be "memfd" or "disk", not "tape"',
    ],
    [
      "a file of negative size",
      { ...SYNTHETIC, files: [{ name: "f0", type: "disk", size: -1 }] },
      "a file's size must be zero or more",
    ],
  ])("%s", (_what, line, reason) => {
    const found = wrong(text(line, MAP));
    expect(found.line).toBe(1);
    expect(found.reason).toContain(reason);
  });
});

const START = {
  op: "start",
  proc: 1,
  brk: ["1000", "2000"],
  maps: [["1000", "2000", "rw-p", "0", ""]],
  pages: {},
};

describe("a line that is broken", () => {
  test.each<[string, object | string, string]>([
    ["half a line", '{"op":"write","proc":0,', "not JSON: "],
    ["an empty line", "", "not JSON: "],
    ["a number", "7", "the line must be an object, not 7"],
    ["no op", { proc: 0 }, "op is missing"],
    ["an op that is none", op("mmap2"), '"mmap2" is not an operation of mm-run/1'],
    ["an op by an inherited name", op("toString"), '"toString" is not an operation'],
    ["no proc", without(WRITE, "proc"), "proc is missing"],
    ["a proc nobody started", { ...WRITE, proc: 9 }, "process 9 was never started"],
    ["a proc that is none", { ...WRITE, proc: "0" }, 'proc must be a whole number, not "0"'],
    ["no address", without(WRITE, "addr"), "addr is missing"],
    ["an address as a number", { ...WRITE, addr: 16 }, "addr must be a hex string, not 16"],
    ["an address with 0x", { ...WRITE, addr: "0x10" }, "addr must be a hex string"],
    ["17 digits", { ...WRITE, addr: "1".repeat(17) }, "addr must be a hex string"],
    ["a byte too large", { ...WRITE, byte: 256 }, "byte must be a byte, not 256"],
    ["no length", without(MAP, "len"), "len is missing"],
    ["half a length", { ...MAP, len: 0.5 }, "len must be a whole number, not 0.5"],
    ["a length below zero", { ...MAP, len: -1 }, "len must be zero or more, not -1"],
    ["a file nobody introduced", { ...MAP, file: 5 }, "file 5 was never introduced"],
    ["no protection", without(MAP, "prot"), "prot is missing"],
    ["no result", without(WRITE, "ret"), "ret, errno and signal are all missing"],
    ["two results", { ...WRITE, errno: "EINVAL" }, "it has both ret and errno"],
    ["a result of the wrong type", { ...WRITE, ret: "0" }, "ret must be a whole number"],
    ["an address that is none", { ...MAP, ret: 0 }, "ret must be a hex string, not 0"],
    ["a byte that is none", { ...READ, ret: null }, "ret must be a whole number, not null"],
    [
      "a signal without its code",
      { ...without(READ, "ret"), signal: "SIGSEGV" },
      "code is missing",
    ],
    [
      "a residence that is none",
      op("mincore", { addr: "10000000", len: 4096, ret: "2" }),
      "ret must be a string of 0 and 1",
    ],
    ["no notices", without(WRITE, "notified"), "notified is missing"],
    ["notices that are none", { ...WRITE, notified: {} }, "notified must be a list"],
    [
      "a notice backwards",
      { ...WRITE, notified: [[0, "2000", "1000"]] },
      "a notice must be a range",
    ],
    ["a notice without an end", { ...WRITE, notified: [[0, "2000"]] }, "end is missing"],
    ["a fault that says nothing", op("fault", { addr: "1000" }), "write is missing"],
    ["a fork without a child", op("fork"), "child is missing"],
    ["a file twice", { op: "file", file: 0, path: "x", size: 1 }, "file 0 is there already"],
    ["a file without a size", { op: "file", file: 1, path: "x" }, "size is missing"],
    ["a start without a break", without(START, "brk"), "brk is missing"],
    ["a break backwards", { ...START, brk: ["2", "1"] }, "brk must be a range"],
    ["a start without maps", without(START, "maps"), "maps is missing"],
    [
      "rights that are none",
      { ...START, maps: [["1000", "2000", "rw", "0", ""]] },
      'an area\'s rights must be like "rw-p"',
    ],
    [
      "an area backwards",
      { ...START, maps: [["2000", "1000", "rw-p", "0", ""]] },
      "an area must be a range",
    ],
    [
      "areas that overlap",
      {
        ...START,
        maps: [
          ["1000", "3000", "rw-p", "0", ""],
          ["2000", "4000", "rw-p", "0", ""],
        ],
      },
      "maps: the area at 2000 overlaps another",
    ],
    [
      "an area of a file nobody introduced",
      { ...START, maps: [["1000", "2000", "rw-p", "0", "f7"]] },
      "file 7 was never introduced",
    ],
    ["a page off its boundary", { ...START, pages: { "1001": ["Z"] } }, "that of a page"],
    ["a page with odd flags", { ...START, pages: { "1000": ["Q", 0, 1] } }, "its flags must be"],
    ["a page without a frame", { ...START, pages: { "1000": ["PX"] } }, "its frame is missing"],
    ["a state of nobody", { op: "state" }, "proc is missing"],
    ["a state of a stranger", { op: "state", procs: { "4": {} } }, "process 4 was never started"],
    ["a state without pages", { op: "state", procs: { "0": { maps: [] } } }, "pages is missing"],
  ])("%s", (_what, line, reason) => {
    const found = wrong(text(SYNTHETIC, MAP, line, WRITE));
    expect(found.line).toBe(3);
    expect(found.reason).toContain(reason);
  });
});

describe("a recording that is whole", () => {
  test("has its header and every event with its line", () => {
    const { header, events, file } = parseRecording(
      "some.jsonl",
      text(SYNTHETIC, MAP, WRITE, STATE, UNMAP),
    );
    expect(file).toBe("some.jsonl");
    expect(header.arena).toEqual({ start: 0x10000000, end: 0x20000000 });
    expect(header.files).toEqual([{ name: "f0", kind: "memory", size: 16384 }]);
    expect(events.map(({ kind, line }) => `${line} ${kind}`)).toEqual([
      "2 operation",
      "3 operation",
      "4 state",
      "5 operation",
    ]);
  });

  test("takes lengths and addresses of 64 bits", () => {
    const line = op("munmap", { addr: "fffffffffffff000", len: 2 ** 64 - 4096, errno: "EINVAL" });
    const { events } = parseRecording("some.jsonl", text(SYNTHETIC, line));
    expect(events[0]).toMatchObject({ call: { addr: 2 ** 64 - 4096, len: 2 ** 64 - 4096 } });
  });

  test("may lack the last newline", () => {
    const source = text(SYNTHETIC, MAP).trimEnd();
    expect(parseRecording("some.jsonl", source).events).toHaveLength(1);
  });

  test("a process that is forked may act", () => {
    const child = { ...WRITE, proc: 3 };
    const source = text(SYNTHETIC, MAP, op("fork", { child: 3, ret: 0 }), child);
    expect(parseRecording("some.jsonl", source).events).toHaveLength(3);
  });
});

describe("the bytes of a recording", () => {
  const source = text(SYNTHETIC, MAP, WRITE);
  const bytes = new TextEncoder().encode(source);

  test("are the same packed and plain", async () => {
    const plain = await readRecording("some.jsonl", bytes);
    expect(await readRecording("some.jsonl", gzipSync(bytes))).toEqual(plain);
  });

  test("cut off in the middle of gzip are an error of the file", async () => {
    const cut = gzipSync(bytes).subarray(0, 60);
    await expect(readRecording("some.jsonl.gz", cut)).rejects.toThrow(
      "some.jsonl.gz: it looks like gzip, but cannot be unpacked",
    );
  });

  test("that are no text are an error of the file", async () => {
    await expect(readRecording("some.bin", Uint8Array.of(0xff, 0xfe, 0))).rejects.toThrow(
      "some.bin: it is neither gzip nor UTF-8 text",
    );
  });

  test("none at all lack the first line", async () => {
    await expect(readRecording("some.jsonl", new Uint8Array())).rejects.toThrow("some.jsonl:1:");
  });
});
