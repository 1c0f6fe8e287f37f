// Who shares what, and when does it take effect? Threads, vfork, exec, and calls that overlap.

import { describe, expect, test } from "vitest";
import { A, ANON, areasOf, log, replayed, START } from "./support.ts";

const B = "0x7f0000010000";
const map = (address: string, pages = 1) => `mmap(NULL, ${pages * 4096}, ${ANON}) = ${address}`;
const THREAD = "flags=CLONE_VM|CLONE_FS|CLONE_FILES|CLONE_SIGHAND|CLONE_THREAD";

/** Process, its beginning and end, operations: a row for each address space. */
function rows({ processes }: Awaited<ReturnType<typeof replayed>>) {
  return processes.map(({ began, ended, operations, parent, pid }) => ({
    pid,
    parent,
    began,
    ended,
    operations,
  }));
}

describe("threads share an address space", () => {
  test.each([
    ["clone", `clone(child_stack=0x1, ${THREAD}, child_tidptr=0x2)`],
    ["clone3", `clone3({${THREAD}, stack=0x1, stack_size=0x1000} => {parent_tid=[2]}, 88)`],
    ["clone, -X raw", "clone(child_stack=0x1, flags=0x3d0f00, child_tidptr=0x2)"],
  ])("%s", async (_what, clone) => {
    const report = await replayed([
      `1 ${START}`,
      `1 ${clone} = 2`,
      `2 ${map(A)}`,
      `2 exit(0) = ?`,
      `2 +++ exited with 0 +++`,
      `1 munmap(${A}, 4096) = 0`,
      `1 exit_group(0) = ?`,
      `1 +++ exited with 0 +++`,
    ]);
    expect(rows(report)).toEqual([
      {
        pid: 1,
        parent: null,
        began: "exec",
        ended: "exited 0",
        operations: { mmap: 1, munmap: 1 },
      },
    ]);
    expect(report.lines).toMatchObject({ operations: 2, followed: 6, unknown: 0 });
  });

  test("the process ends with exit_group of any of them; who is late is told so", async () => {
    const report = await replayed([
      `1 ${START}`,
      `1 clone(${THREAD}) = 2`,
      "2 exit_group(3 <unfinished ...>",
      `1 ${map(A)}`,
      "2 <... exit_group resumed>) = ?",
      "1 +++ exited with 3 +++",
      "2 +++ exited with 3 +++",
    ]);
    expect(rows(report)).toMatchObject([{ ended: "exited 3", operations: {} }]);
    expect(report.unknown).toMatchObject([
      { kind: "a call after the end of its process", line: 4 },
    ]);
  });

  test("exec of one ends the others, and takes the number of the first", async () => {
    const report = await replayed([
      `1 ${START}`,
      `1 clone(${THREAD}) = 2`,
      '2 execve("/bin/other", ["other"], 0x1 /* 0 vars */ <unfinished ...>',
      `1 munmap(${A}, 4096 <unfinished ...>`,
      "1 +++ superseded by execve in pid 2 +++",
      "1 <... execve resumed>) = 0",
      `1 ${map(A)}`,
      "1 +++ killed by SIGKILL +++",
    ]);
    expect(rows(report)).toEqual([
      { pid: 1, parent: null, began: "exec", ended: "exec", operations: {} },
      { pid: 1, parent: 1, began: "exec", ended: "killed SIGKILL", operations: { mmap: 1 } },
    ]);
    expect(report.processes[1]?.program).toBe("/bin/other");
    expect(report.unknown).toMatchObject([{ kind: "munmap that never answers", line: 4 }]);
  });

  test("those that strace found when it came belong to the process it was told of", async () => {
    const report = await replayed([
      "strace: Process 7 attached with 2 threads",
      `[pid     7] ${map(A)}`,
      `[pid     8] munmap(${A}, 4096) = 0`,
    ]);
    expect(rows(report)).toEqual([
      { pid: 7, parent: null, began: "seen", ended: null, operations: { mmap: 1, munmap: 1 } },
    ]);
  });
});

describe("children", () => {
  test("R18: vfork's child lives in its parent's space until it execs or exits", async () => {
    const report = await replayed([
      `1 ${START}`,
      "1 vfork( <unfinished ...>",
      `2 ${map(A)}`,
      '2 execve("/bin/true", ["true"], 0x1 /* 0 vars */ <unfinished ...>',
      "1 <... vfork resumed>) = 2",
      "2 <... execve resumed>) = 0",
      `2 ${map(B)}`,
      "2 exit_group(0) = ?",
      `1 munmap(${A}, 4096) = 0`,
    ]);
    expect(rows(report)).toEqual([
      { pid: 1, parent: null, began: "exec", ended: null, operations: { mmap: 1, munmap: 1 } },
      { pid: 2, parent: 1, began: "exec", ended: "exited 0", operations: { mmap: 1 } },
    ]);
    expect(report.agreed).toBe(3);
  });

  test("a forked one has a copy, also before its parent knows of it", async () => {
    const report = await replayed(
      [
        `1 ${START}`,
        `1 ${map(A, 4)}`,
        "1 clone(child_stack=NULL, flags=SIGCHLD <unfinished ...>",
        `2 munmap(${A}, 4096) = 0`,
        "1 <... clone resumed>, child_tidptr=0x1) = 2",
        "2 +++ killed by SIGSEGV (core dumped) +++",
      ],
      { touch: "write" },
    );
    expect(rows(report)).toEqual([
      { pid: 1, parent: null, began: "exec", ended: null, operations: { mmap: 1, fork: 1 } },
      { pid: 2, parent: 1, began: "fork", ended: "killed SIGSEGV", operations: { munmap: 1 } },
    ]);
    expect(report.processes.map(({ pages }) => pages)).toEqual([4, 3]);
  });

  test("one that the log does not follow is forked: its parent's holders hear of it", async () => {
    const report = await replayed([START, map(A, 4), "fork() = 9"], { touch: "write" });
    expect(rows(report)).toEqual([
      { pid: 0, parent: null, began: "exec", ended: null, operations: { mmap: 1, fork: 1 } },
      { pid: 9, parent: 0, began: "fork", ended: "not followed", operations: {} },
    ]);
    expect(report.notices).toEqual({ sent: 1, pages: 4, releases: 1 });
  });

  test("a number that is used again is another process", async () => {
    const report = await replayed([
      `1 ${START}`,
      "1 fork() = 2",
      "2 +++ exited with 0 +++",
      "1 fork() = 2",
      `2 ${map(A)}`,
    ]);
    expect(rows(report).map(({ began, ended }) => [began, ended])).toEqual([
      ["exec", null],
      ["fork", "exited 0"],
      ["fork", null],
    ]);
  });

  test("the child's number in strace's own namespace counts", async () => {
    const report = await replayed([
      `1 ${START}`,
      "1 fork() = 2 /* 77 in strace's PID NS */",
      `77 ${map(A)}`,
    ]);
    expect(rows(report)[1]).toMatchObject({ pid: 77, parent: 1, operations: { mmap: 1 } });
  });

  test("an exec that fails changes nothing", async () => {
    const report = await replayed([
      `1 ${START}`,
      '1 execve("/bin/none", ["none"], 0x1 /* 0 vars */) = -1 ENOENT (No such file or directory)',
      `1 ${map(A)}`,
    ]);
    expect(rows(report)).toHaveLength(1);
  });
});

describe("numbers that strace leaves out", () => {
  test("the first process has none while it is alone, nor has the last one", async () => {
    const report = await replayed([
      START,
      map(A),
      "clone(child_stack=NULL, flags=SIGCHLDstrace: Process 2 attached",
      ", child_tidptr=0x1) = 2",
      `[pid     2] ${map(B)}`,
      `[pid     1] munmap(${A}, 4096 <unfinished ...>`,
      "[pid     2] exit_group(0) = ?",
      "[pid     2] +++ exited with 0 +++",
      "<... munmap resumed>) = 0",
      `brk(NULL) = 0x55d000000000`,
      "+++ exited with 0 +++",
    ]);
    expect(rows(report)).toEqual([
      {
        pid: 1,
        parent: null,
        began: "exec",
        ended: "exited 0",
        operations: { mmap: 1, fork: 1, munmap: 1, brk: 1 },
      },
      { pid: 2, parent: 1, began: "fork", ended: "exited 0", operations: { mmap: 1 } },
    ]);
    expect(report.lines).toMatchObject({ total: 11, operations: 7, followed: 4, unknown: 0 });
  });

  test("strace that speaks in the middle of a call that is unfinished", () => {
    const { lines } = log(
      `[pid 1] ${START}`,
      `[pid 1] munmap(${A}, 65011712strace: Process 3 attached`,
      " <unfinished ...>",
      "[pid 1] <... munmap resumed>) = 0",
    );
    expect(lines).toMatchObject({ total: 4, operations: 3, followed: 1 });
  });
});

describe("calls that overlap", () => {
  //   1: munmap(A … ──────────────────────── = 0      A is free from its beginning on
  //   2:               mmap(NULL) = A
  test("what a munmap frees can be given away before it answers", async () => {
    const report = await replayed([
      `1 ${START}`,
      `1 clone(${THREAD}) = 2`,
      `1 ${map(A)}`,
      `1 munmap(${A}, 4096 <unfinished ...>`,
      `2 ${map(A)}`,
      "1 <... munmap resumed>) = 0",
    ]);
    expect(report.agreed).toBe(3);
    expect(areasOf(report)).toContain("7f0000000000-7f0000001000 rw-p");
  });

  test("everything else takes effect where it answers", () => {
    const { recording } = log(
      `1 ${START}`,
      `1 clone(${THREAD}) = 2`,
      `1 mmap(NULL, 4096, ${ANON} <unfinished ...>`,
      `2 ${map(B)}`,
      `1 <... mmap resumed>) = ${A}`,
    );
    const maps = recording.events.flatMap((e) => (e.kind === "operation" ? [e.call] : []));
    expect(maps.map((call) => "addr" in call && call.addr.toString(16))).toEqual([
      "7f0000010000",
      "7f0000000000",
    ]);
  });

  test("R16: what never answers, and answers to nothing, are counted", () => {
    const { lines, unread } = log(
      `1 ${START}`,
      "1 <... munmap resumed>) = 0",
      `1 munmap(${A}, 4096 <unfinished ...>`,
      `1 mprotect(${A}, 4096, PROT_READ <unfinished ...>`,
      "1 <... wait4 resumed>) = 2",
    );
    expect(lines).toMatchObject({ total: 5, operations: 0, otherCalls: 1, unknown: 3 });
    expect(unread.unknown).toEqual([
      {
        kind: "an answer to a call that never began",
        count: 1,
        line: 2,
        example: "1 <... munmap resumed>) = 0",
      },
      { kind: "munmap that never answers", count: 1, line: 3, example: expect.any(String) },
      { kind: "mprotect that never answers", count: 1, line: 4, example: expect.any(String) },
    ]);
  });
});
