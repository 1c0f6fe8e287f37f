// Is every form of a line read? One line each, as strace's options write it.

import { describe, expect, test } from "vitest";
import { readCall } from "../../../src/replay/strace/call-text.ts";
import { readLine } from "../../../src/replay/strace/line.ts";
import { Unreadable } from "../../../src/replay/strace/unreadable.ts";
import { descriptor, flags, hasFlag, number, quoted } from "../../../src/replay/strace/values.ts";

const CALL = "munmap(0x7f0000000000, 4096) = 0";

describe("what stands before a call", () => {
  test.each<[string, string, number | null]>([
    ["nothing", "", null],
    ["-f on a terminal", "[pid  4321] ", 4321],
    ["-f with -o", "4321  ", 4321],
    ["-f -Y on a terminal", "[pid 4321<bash>] ", 4321],
    ["-f -Y with -o", "4321<bash> ", 4321],
    ["-t", "12:34:56 ", null],
    ["-tt", "12:34:56.789012 ", null],
    ["-ttt", "1700000000.123456 ", null],
    ["seconds since the epoch", "1700000000 ", null],
    ["-r", "     0.000123 ", null],
    ["-r, seconds", "     1 ", null],
    ["-r and -t", "12:34:56 (+     0.000123) ", null],
    ["ISO times", "2025-01-02T03:04:05+0000 ", null],
    ["-i", "[00007f0123456789] ", null],
    ["-i, unknown", "[????????????????] ", null],
    ["-n", "[  11] ", null],
    ["all of them", "[pid 4321] 12:34:56.789012 (+     0.000123) [  11] [00007f0123456789] ", 4321],
    ["-f -ttt with -o", "4321  1700000000.123456 ", 4321],
  ])("%s", (_what, prefix, tid) => {
    expect(readLine(prefix + CALL)).toEqual({ tid, kind: "call", name: "munmap", text: CALL });
  });
});

describe("what a line is", () => {
  test.each<[string, object]>([
    [`${CALL} <0.000012>`, { kind: "call", text: `${CALL} <0.000012>` }],
    [`${CALL}\r`, { kind: "call", text: CALL }],
    ["wait4(-1,  <unfinished ...>", { kind: "unfinished", name: "wait4", text: "wait4(-1," }],
    ["exit(0) <unfinished ...>", { kind: "unfinished", text: "exit(0)" }],
    ["munmap(0x1000 <detached ...>", { kind: "unfinished", text: "munmap(0x1000" }],
    ["<... mmap resumed>) = 0x1000", { kind: "resumed", name: "mmap", text: ") = 0x1000" }],
    ["<... mmap resumed> ) = 0x1000", { kind: "resumed", text: " ) = 0x1000" }],
    ["+++ exited with 3 +++", { kind: "gone", how: "exited 3" }],
    ["+++ killed by SIGKILL +++", { kind: "gone", how: "killed SIGKILL" }],
    ["+++ killed by SIGSEGV (core dumped) +++", { kind: "gone", how: "killed SIGSEGV" }],
    ["+++ superseded by execve in pid 7 +++", { kind: "superseded", by: 7 }],
    ["strace: Process 7 attached", { kind: "attached", tid: 7, threads: 1 }],
    ["Process 7 attached", { kind: "attached", tid: 7, threads: 1 }],
    ["strace: Process 7 attached with 3 threads", { kind: "attached", tid: 7, threads: 3 }],
    ["strace: Process 7 detached", { kind: "message" }],
    ["[ Process PID=7 runs in 32 bit mode. ]", { kind: "message" }],
    [" > /usr/lib/libc.so.6(mmap+0x13) [0x1019b3]", { kind: "message" }],
    ["--- SIGCHLD {si_signo=SIGCHLD, si_pid=7} ---", { kind: "signal" }],
    ["--- stopped by SIGSTOP ---", { kind: "signal" }],
    ["", { kind: "blank" }],
    ["   ", { kind: "blank" }],
    ["what the program prints", { kind: "unknown" }],
    ["+++ something else +++", { kind: "unknown" }],
  ])("%s", (text, body) => {
    expect(readLine(text)).toMatchObject({ tid: null, ...body });
  });
});

describe("a call, taken apart", () => {
  const answer = (
    value: number | null,
    errno: string | null = null,
    path: string | null = null,
  ) => ({
    value,
    errno,
    path,
  });

  test.each<[string, string[], object]>([
    [CALL, ["0x7f0000000000", "4096"], answer(0)],
    ["munlockall()    = 0", [], answer(0)],
    ["brk(NULL) = 0x55d0 <0.000003>", ["NULL"], answer(0x55d0)],
    ["munmap(NULL, 0) = -1 EINVAL (Invalid argument)", ["NULL", "0"], answer(null, "EINVAL")],
    ["exit_group(0) = ?", ["0"], answer(null)],
    ["read(0, 0x1, 2) = ? ERESTARTSYS (To be restarted)", ["0", "0x1", "2"], answer(null)],
    [
      'openat(AT_FDCWD, "a, (b", 0) = 3</x/a, (b>',
      ["AT_FDCWD", '"a, (b"', "0"],
      answer(3, null, "/x/a, (b"),
    ],
    ['open("a\\"b,", 0) = 3</x>(deleted)', ['"a\\"b,"', "0"], answer(3, null, "/x")],
    [
      'execve("/bin/a", ["a", "b)"...], 0x1 /* 3 vars, (odd) */) = 0',
      ['"/bin/a"', '["a", "b)"...]', "0x1 /* 3 vars, (odd) */"],
      answer(0),
    ],
    ["close(3<TCP:[1.2.3.4:5->6.7.8.9:10]>) = 0", ["3<TCP:[1.2.3.4:5->6.7.8.9:10]>"], answer(0)],
    ["f(21<<MAP_HUGE_SHIFT, 1) = 0", ["21<<MAP_HUGE_SHIFT", "1"], answer(0)],
    [
      "clone3({flags=CLONE_VM, stack=0x1} => {parent_tid=[7]}, 88) = 7<a>",
      ["{flags=CLONE_VM, stack=0x1} => {parent_tid=[7]}", "88"],
      answer(7, null, "a"),
    ],
    ["clone(flags=SIGCHLD) = 2 /* 77 in strace's PID NS */", ["flags=SIGCHLD"], answer(77)],
    ["mincore(0x1000, 8192, [1, 0]) = 0", ["0x1000", "8192", "[1, 0]"], answer(0)],
  ])("%s", (text, args, result) => {
    expect(readCall(text)).toEqual({ args, result });
  });

  test.each([
    ["mmap(NULL, 4096", "a call that is cut off"],
    ['open("/usr/li', "a call that is cut off"],
    ["f(3</usr/li", "a call that is cut off"],
    ["f([1, 2", "a call that is cut off"],
    ["f(1 /* two", "a call that is cut off"],
    ["f(1)", "a call without a result"],
    ["f(1) = nothing", "a call without a result"],
  ])("R19: %s is not", (text, kind) => {
    expect(() => readCall(text)).toThrowError(new Unreadable(kind));
  });
});

describe("values", () => {
  test.each([
    ["NULL", 0],
    ["0x7f0000000000", 0x7f0000000000],
    ["4096", 4096],
    ["-1", -1],
    ["0xffffffffffffffff", 2 ** 64],
    ["18446744073709551615", 2 ** 64],
    ["addr=0x1000", 0x1000],
    ["0x1000 /* a comment */", 0x1000],
  ])("the number %s", (text, value) => {
    expect(number(text)).toBe(value);
  });

  test.each([
    ["PROT_NONE", 0],
    ["PROT_READ|PROT_WRITE|0x10", 0x13],
    ["0x3 /* PROT_READ|PROT_WRITE */", 3],
    ["MAP_PRIVATE|MAP_FIXED|MAP_DENYWRITE", 0x812],
    ["MAP_SHARED_VALIDATE|MAP_SYNC", 0x80003],
    ["0x2 /* MAP_PRIVATE */|0x20 /* MAP_ANONYMOUS */", 0x22],
    ["MAP_PRIVATE|MAP_HUGETLB|21<<MAP_HUGE_SHIFT", 0x40002 | (21 << 26)],
    ["MADV_DONTNEED", 4],
    ["0x66 /* MADV_??? */", 102],
    ["MREMAP_MAYMOVE|MREMAP_FIXED", 3],
    ["MCL_CURRENT|MCL_FUTURE", 3],
    ["MS_SYNC", 4],
    ["0", 0],
  ])("the flags %s", (text, value) => {
    expect(flags(text)).toBe(value);
  });

  test("what is none is said to be none", () => {
    expect(() => number("many")).toThrow("a number that is none");
    expect(() => number(undefined)).toThrow("a call that lacks an argument");
    expect(() => flags("PROT_READ|PROT_SHARE")).toThrow("a flag that is not known: PROT_SHARE");
    expect(() => descriptor("AT_FDCWD")).toThrow("a descriptor that is none");
  });

  test("descriptors and strings", () => {
    expect(descriptor("3")).toEqual({ fd: 3, path: null });
    expect(descriptor("-1")).toEqual({ fd: -1, path: null });
    expect(descriptor("3</lib/libc.so.6>")).toEqual({ fd: 3, path: "/lib/libc.so.6" });
    expect(descriptor("3</x>(deleted)")).toEqual({ fd: 3, path: "/x" });
    expect(quoted('"/usr/bin/a\\"b"...')).toBe('/usr/bin/a\\"b');
    expect(quoted("NULL")).toBeNull();
  });

  test("a flag of clone, by name and by number, beside names that nobody knows", () => {
    expect(hasFlag("CLONE_CHILD_CLEARTID|CLONE_VM|SIGCHLD", "CLONE_VM")).toBe(true);
    expect(hasFlag("0x3d0f00", "CLONE_THREAD")).toBe(true);
    expect(hasFlag("0x1200000|17", "CLONE_VM")).toBe(false);
  });
});
