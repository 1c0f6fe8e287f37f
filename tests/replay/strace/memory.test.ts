// What does each call on memory become, and what does the replay do where a log is silent?

import { describe, expect, test } from "vitest";
import type { RecordedCall } from "../../../src/replay/format.ts";
import { A, ANON, areasOf, log, replayed, START } from "./support.ts";

const MAP = `mmap(NULL, 16384, ${ANON}) = ${A}`;
const at = 0x7f0000000000;

/** The operations of a log, as they are replayed. */
function calls(...lines: readonly string[]): RecordedCall[] {
  const { events } = log(START, ...lines).recording;
  return events.flatMap((event) => (event.kind === "operation" ? [event.call] : []));
}

describe("a call on memory", () => {
  const span = { addr: at, len: 4096 };
  test.each<[string, object]>([
    [MAP, { op: "mmap", addr: at, len: 16384, prot: 3, flags: 0x32, file: -1, off: 0 }],
    [
      `mmap(${A}, 4096, PROT_NONE, MAP_PRIVATE|MAP_FIXED_NOREPLACE|MAP_ANONYMOUS, -1, 0) = ${A}`,
      { op: "mmap", ...span, prot: 0, flags: 0x100022 },
    ],
    [`mmap2(NULL, 4096, PROT_READ, MAP_SHARED, 3, 0x2000) = ${A}`, { file: 0, off: 0x2000 }],
    [`munmap(${A}, 4096) = 0`, { op: "munmap", ...span }],
    [`mprotect(${A}, 4096, PROT_READ|PROT_EXEC) = 0`, { op: "mprotect", ...span, prot: 5 }],
    [`pkey_mprotect(${A}, 4096, PROT_READ, -1) = 0`, { op: "mprotect", ...span, prot: 1 }],
    [
      `mremap(${A}, 4096, 8192, MREMAP_MAYMOVE) = ${A}`,
      { op: "mremap", addr: at, oldLen: 4096, newLen: 8192, flags: 1, newAddr: 0 },
    ],
    [
      `mremap(${A}, 4096, 8192, MREMAP_MAYMOVE) = 0x7f0000100000`,
      { op: "mremap", flags: 3, newAddr: 0x7f0000100000 },
    ],
    [
      `mremap(${A}, 4096, 4096, MREMAP_MAYMOVE|MREMAP_FIXED, 0x1000) = 0x1000`,
      { op: "mremap", flags: 3, newAddr: 0x1000 },
    ],
    [`madvise(${A}, 4096, MADV_DONTNEED) = 0`, { op: "madvise", ...span, advice: 4 }],
    [`madvise(${A}, 4096, 0x8 /* MADV_FREE */) = 0`, { op: "madvise", advice: 8 }],
    [`msync(${A}, 4096, MS_SYNC) = 0`, { op: "msync", ...span, flags: 4 }],
    [`mincore(${A}, 4096, [1]) = 0`, { op: "mincore", ...span }],
    ["brk(0x55d000001000) = 0x55d000001000", { op: "brk", addr: 0x55d000001000 }],
    [`mlock(${A}, 4096) = 0`, { op: "mlock", ...span }],
    [`mlock2(${A}, 4096, MLOCK_ONFAULT) = 0`, { op: "mlock2", ...span, flags: 1 }],
    [`munlock(${A}, 4096) = 0`, { op: "munlock", ...span }],
    ["mlockall(MCL_CURRENT|MCL_FUTURE) = 0", { op: "mlockall", flags: 3 }],
    ["munlockall() = 0", { op: "munlockall" }],
    ["ftruncate(3, 8192) = 0", { op: "ftruncate", file: 0, size: 8192 }],
    [
      "fallocate(3, FALLOC_FL_KEEP_SIZE|FALLOC_FL_PUNCH_HOLE, 4096, 8192) = 0",
      { op: "punch", file: 0, off: 4096, len: 8192 },
    ],
  ])("%s", (line, call) => {
    expect(calls(line)).toMatchObject([call]);
  });

  test.each([
    ["remap_file_pages(0x1000, 4096, 0, 0, 0) = 0", "remap_file_pages"],
    [`pkey_mprotect(${A}, 4096, PROT_READ, 1) = 0`, "pkey_mprotect with a key"],
    [
      `mmap(NULL, 2097152, PROT_READ, MAP_PRIVATE|MAP_ANONYMOUS|MAP_HUGETLB, -1, 0) = ${A}`,
      "mmap with MAP_HUGETLB",
    ],
    [`madvise(${A}, 4096, MADV_COLLAPSE) = 0`, "madvise with MADV_COLLAPSE"],
    [
      "mmap(NULL, 4096, PROT_READ, MAP_SHARED, 3, 0) = -1 EACCES (Permission denied)",
      "mmap of a file: EACCES",
    ],
    ["fallocate(3, FALLOC_FL_ZERO_RANGE, 0, 4096) = 0", "fallocate with FALLOC_FL_ZERO_RANGE"],
    [`shmat(5, NULL, 0) = ${A}`, "shmat of a segment that was there before"],
    [`shmdt(${A}) = 0`, "shmdt of a segment that was there before"],
  ])("%s is not modelled", (line, kind) => {
    const { lines, unread } = log(START, line);
    expect(lines).toMatchObject({ notModelled: 1, operations: 0, unknown: 0 });
    expect(unread.notModelled).toEqual([{ kind, count: 1, line: 2, example: line }]);
  });

  test.each([
    ["munmap(0x1000, 4096) = ?", "munmap without an answer"],
    ["munmap(0x1000, 4096", "a call that is cut off"],
    ["munmap(0x1000) = 0", "a call that lacks an argument"],
    ["munmap(0x1000, many) = 0", "a number that is none"],
    ["mprotect(0x1000, 4096, PROT_SHARE) = 0", "a flag that is not known: PROT_SHARE"],
    ["ftruncate(3, 0xffffffffffffffff) = 0", "a size that no file has"],
    ["the program's own words", "a line that is no call"],
  ])("%s is not understood", (line, kind) => {
    expect(log(START, line).unread.unknown).toEqual([{ kind, count: 1, line: 2, example: line }]);
  });
});

describe("answers", () => {
  test("a call that failed in the log is replayed, and its errno compared", async () => {
    const report = await replayed([
      START,
      "mmap(0x1, 4096, PROT_READ, MAP_PRIVATE|MAP_FIXED|0x20, -1, 0) = -1 EINVAL (Invalid)",
      "mprotect(0x100000, 4096, PROT_READ) = -1 ENOMEM (Cannot allocate memory)",
      "mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, -1, 0) = -1 EBADF (Bad file descriptor)",
      "munmap(0x1, 4096) = -1 ENOMEM (Cannot allocate memory)",
    ]);
    expect(report).toMatchObject({ ops: 4, agreed: 3, disagree: { errno: 1, address: 0 } });
    expect(report.first).toEqual({ line: 5, want: "munmap: ENOMEM", got: "munmap: EINVAL" });
  });

  test("R21: what only the engine grants is taken back", async () => {
    const refused = "mmap(NULL, 4096, PROT_READ, MAP_PRIVATE|MAP_ANONYMOUS, -1, 0)";
    const report = await replayed([START, MAP, `${refused} = -1 ENOMEM (Cannot allocate memory)`]);
    expect(report.disagree).toEqual({ errno: 1, address: 0 });
    expect(areasOf(report)).toEqual([
      "7f0000000000-7f0000004000 rw-p",
      "7f0000004000-7f0000005000 r-xp",
    ]);
  });

  test("the heap begins at the lowest break that the log shows", async () => {
    const report = await replayed([
      START,
      "brk(0x55d000021000) = 0x55d000021000",
      "brk(NULL) = 0x55d000021000",
      "brk(0x55d000001000) = 0x55d000001000",
    ]);
    expect(report.agreed).toBe(3);
    const first = await replayed([
      START,
      "brk(NULL) = 0x55d000000000",
      "brk(0x55d000021000) = 0x55d000021000",
    ]);
    expect(first.agreed).toBe(2);
    expect(areasOf(first)).toEqual(["55d000000000-55d000021000 rw-p"]);
  });

  test("where the engine would have put it is counted beside where the kernel did", async () => {
    const report = await replayed([
      START,
      MAP,
      `mmap(NULL, 4096, ${ANON}) = 0x7effffffe000`,
      `mmap(NULL, 4096, ${ANON}) = 0x7efffffff000`,
    ]);
    expect(report.placement).toEqual({ asked: 3, agreed: 2 });
    expect(report.agreed).toBe(3);
  });
});

describe("what the log never shows being mapped", () => {
  test("is presumed to have been there, when the kernel found it", async () => {
    const report = await replayed([
      `mprotect(${A}, 8192, PROT_READ) = 0`,
      "munmap(0x7f1000000000, 8192) = 0",
      `mremap(0x7f2000000000, 4096, 8192, MREMAP_MAYMOVE) = 0x7f3000000000`,
      `mprotect(0x7f4000000000, 4096, PROT_READ) = -1 ENOMEM (Cannot allocate memory)`,
    ]);
    expect(report).toMatchObject({ agreed: 4, presumedPages: 3, first: null });
    expect(areasOf(report)).toEqual([
      "7f0000000000-7f0000002000 r--p",
      "7f3000000000-7f3000002000 rw-p",
    ]);
  });

  test("only what is missing of a range", async () => {
    const report = await replayed([START, MAP, "mprotect(0x7effffffe000, 16384, PROT_READ) = 0"]);
    expect(report.presumedPages).toBe(2);
    expect(report.agreed).toBe(2);
  });
});

describe("files", () => {
  const shared = (fd: string, address = A) =>
    `mmap(NULL, 8192, PROT_READ|PROT_WRITE, MAP_SHARED, ${fd}, 0) = ${address}`;
  const fileOf = (call: RecordedCall | undefined) => call?.op === "mmap" && call.file;

  test("one path is one file, by -y or by openat's answer", () => {
    const found = calls(
      'openat(AT_FDCWD, "lib.so", O_RDONLY|O_CLOEXEC) = 3',
      shared("3"),
      "dup2(3, 9) = 9",
      "close(3) = 0",
      shared("9"),
      "fcntl(9, F_DUPFD_CLOEXEC, 3) = 4",
      shared("4"),
      'openat(AT_FDCWD, "other", O_RDONLY) = 3',
      shared("3"),
      shared("5</usr/lib/a.so>"),
      shared("6</usr/lib/a.so>"),
    );
    expect(found.map(fileOf)).toEqual([0, 0, 0, 1, 2, 2]);
  });

  test("two memfds of one name are two files; their size is what ftruncate says", async () => {
    const report = await replayed(
      [
        START,
        'memfd_create("m", MFD_CLOEXEC) = 3</memfd:m (deleted)>',
        'memfd_create("m", 0) = 4</memfd:m (deleted)>',
        "ftruncate(3</memfd:m (deleted)>, 8192) = 0",
        shared("3</memfd:m (deleted)>"),
        shared("4</memfd:m (deleted)>", "0x7f0000100000"),
      ],
      { touch: "write" },
    );
    expect(report.agreed).toBe(3);
    expect(report.touched).toEqual({ pages: 2, refused: 2, leftOut: 0 });
  });

  test("a descriptor that nobody opened is a file all the same", () => {
    expect(calls(shared("7"), shared("7"), shared("8")).map(fileOf)).toEqual([0, 0, 1]);
  });

  test("a child has its parent's descriptors, and closes its own", () => {
    const found = calls(
      'openat(AT_FDCWD, "a", O_RDONLY) = 3',
      "fork() = 2",
      "[pid 2] close(3) = 0",
      `[pid 2] ${shared("3")}`,
      `[pid 1] ${shared("3")}`,
    );
    expect(found.filter(({ op }) => op === "mmap").map(fileOf)).toEqual([1, 0]);
  });

  test("shared memory of System V", async () => {
    const report = await replayed(
      [
        `1 ${START}`,
        "1 shmget(IPC_PRIVATE, 10000, IPC_CREAT|0600) = 8",
        `1 shmat(8, NULL, 0) = ${A}`,
        "1 fork() = 2",
        `2 shmdt(${A}) = 0`,
        `1 shmat(8, NULL, SHM_RDONLY) = 0x7f0000100000`,
      ],
      { touch: "read" },
    );
    expect(report).toMatchObject({ ops: 4, agreed: 4 });
    const [mm] = report.run.world.procs.values();
    expect(mm?.page(at)?.pfn).toBe(mm?.page(0x7f0000100000)?.pfn);
    expect(areasOf(report)).toContain("7f0000100000-7f0000103000 r--s");
  });
});

describe("touching", () => {
  const LINES = [
    START,
    MAP,
    "mmap(NULL, 8192, PROT_READ, MAP_PRIVATE, 3</lib/a>, 0) = 0x7f0000100000",
    "mmap(NULL, 8192, PROT_NONE, MAP_PRIVATE|MAP_ANONYMOUS, -1, 0) = 0x7f0000200000",
    "mprotect(0x7f0000200000, 4096, PROT_READ|PROT_WRITE) = 0",
    "brk(NULL) = 0x55d000000000",
    "brk(0x55d000003000) = 0x55d000003000",
  ];

  test.each([
    ["none", 0, 0],
    ["read", 4 + 2 + 1 + 3, 10],
    ["write", 4 + 1 + 3, 8],
  ] as const)("%s", async (touch, pages, present) => {
    const report = await replayed(LINES, { touch });
    expect(report.touched).toEqual({ pages, refused: 0, leftOut: 0 });
    expect(report.processes[0]?.pages).toBe(present);
    expect(report.exporter.peak).toBe(present);
  });

  test("R20: stops when memory is short, and counts what is left out", async () => {
    const lines = [START, `mmap(NULL, ${64 * 2 ** 20}, ${ANON}) = ${A}`];
    const engine = { touch: "write", memory: 4 * 2 ** 20, debug: false } as const;
    const { exporter, touched } = await replayed(lines, engine);
    expect(touched.pages + touched.leftOut).toBe(16_384);
    expect(touched.leftOut).toBeGreaterThan(0);
    expect(exporter.violations).toBe(0);
  });
});
