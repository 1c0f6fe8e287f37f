import {
  FRAME_OVERHEAD_MAX,
  FRAMES_MAX,
  FRAMES_MIN,
  PAGE_SIZE,
  PG,
  ResultField,
  Status,
  Vmstat,
  WINDOW_BYTES,
} from "../../../assembly/abi";
import {
  ARENA_PAGES_MAX,
  arenaBytes,
  bookkeepingBytes,
  FRAME_BYTES,
  flagStride,
  flagSummary,
  flagsBase,
  frameCount,
  framesBase,
  frameTable,
  layoutCheck,
  layoutInit,
  layoutPlace,
  OVERHEAD_ROUNDING,
  resultBase,
  STATIC_BYTES_MAX,
  vmstatBase,
  windowBase,
} from "../../../assembly/mem/layout";

const FRAMES: u32 = 700;
const ARENA_BYTES_MAX: u64 = (<u64>ARENA_PAGES_MAX) << 16;

/** Offsets of a layout's regions from its base, as its drawing gives them. */
function expectDrawn(frames: u32, flags: usize, bytes: usize): void {
  layoutPlace(0, frames);
  expect<usize>(windowBase).toBe(0);
  expect<usize>(frameTable).toBe(0x10000);
  expect<usize>(flagsBase).toBe(flags);
  expect<usize>(framesBase).toBe(bytes);
}

/** Whether each region of a machine of `frames` ends before the next begins. */
function isInOrder(frames: u32): bool {
  layoutPlace(0x20000, frames);
  const bitmap = (<usize>frames + 7) / 8;
  const summary = (<usize>frames + 4095) / 4096;
  return (
    windowBase + WINDOW_BYTES <= frameTable &&
    frameTable + <usize>frames * FRAME_BYTES <= flagsBase &&
    bitmap <= flagSummary &&
    flagSummary + summary <= flagStride &&
    flagsBase + flagStride * PG.COUNT <= framesBase &&
    flagsBase % 64 == 0 &&
    flagStride % 64 == 0 &&
    framesBase % PAGE_SIZE == 0
  );
}

function overheadIsWithin(frames: u32): bool {
  return bookkeepingBytes(frames) <= <u64>frames * FRAME_OVERHEAD_MAX + OVERHEAD_ROUNDING;
}

// These run in order: the first ones are about the one machine that this module can have.
describe("layout: a machine is made once", () => {
  test("a size outside the limits is EINVAL, and takes no memory", () => {
    const pages = memory.size();
    expect<i32>(layoutInit(0)).toBe(Status.EINVAL);
    expect<i32>(layoutInit(FRAMES_MIN - 1)).toBe(Status.EINVAL);
    expect<i32>(layoutInit(FRAMES_MAX + 1)).toBe(Status.EINVAL);
    expect<i32>(layoutInit(u32.MAX_VALUE)).toBe(Status.EINVAL);
    expect<i32>(memory.size()).toBe(pages);
    expect<u32>(frameCount).toBe(0);
  });

  test("more than is left of memory is ENOMEM, and takes none", () => {
    const grown = memory.grow(<i32>(STATIC_BYTES_MAX >> 16) + 16);
    const pages = memory.size();
    expect<i32>(grown).toBeGreaterThan(0);
    expect<i32>(layoutInit(FRAMES_MAX)).toBe(Status.ENOMEM);
    expect<i32>(memory.size()).toBe(pages);
    expect<u32>(frameCount).toBe(0);
  });

  test("Y1: the regions begin where memory ended, and end inside it", () => {
    const before = memory.size();
    expect<i32>(layoutInit(FRAMES)).toBe(Status.Ok);
    expect<usize>(windowBase).toBe((<usize>before) << 16);
    expect<u32>(layoutCheck()).toBe(0);
    expect<u64>(<u64>framesBase + FRAMES * PAGE_SIZE).toBeLessThanOrEqual(
      (<u64>memory.size()) << 16,
    );
  });

  test("Y2: a second machine is EBUSY, and memory is as large as it was", () => {
    const pages = memory.size();
    const frames = framesBase;
    expect<i32>(layoutInit(FRAMES_MIN)).toBe(Status.EBUSY);
    expect<i32>(memory.size()).toBe(pages);
    expect<usize>(framesBase).toBe(frames);
    expect<u32>(frameCount).toBe(FRAMES);
  });

  test("Y1: the checker sees an arena that does not end inside memory", () => {
    const base = windowBase;
    layoutPlace(base, FRAMES_MAX);
    expect<u32>(layoutCheck()).toBe(1);
    layoutPlace(base, FRAMES);
    expect<u32>(layoutCheck()).toBe(0);
  });
});

describe("layout: where the regions are", () => {
  test("the addresses in the drawing are those of the code", () => {
    expectDrawn(FRAMES_MIN, 0x12800, 0x14000);
    expectDrawn(16384, 0xb0000, 0xc0000);
    expectDrawn(FRAMES_MAX, 0x279f800, 0x2b77000);
  });

  test("Y1: regions stand in order and apart in machines of every size to 5,000 frames", () => {
    let askew: u32 = 0;
    for (let frames = FRAMES_MIN; frames <= 5000; frames++) if (!isInOrder(frames)) askew = frames;
    expect<u32>(askew).toBe(0);
    expect<bool>(isInOrder(262143)).toBe(true);
    expect<bool>(isInOrder(262145)).toBe(true);
    expect<bool>(isInOrder(FRAMES_MAX)).toBe(true);
  });

  test("Y3: bookkeeping stays within its bound in machines of every size to 70,000 frames", () => {
    let over: u32 = 0;
    for (let frames = FRAMES_MIN; frames <= 70000; frames++) {
      if (!overheadIsWithin(frames)) over = frames;
    }
    expect<u32>(over).toBe(0);
    expect<bool>(overheadIsWithin(FRAMES_MAX)).toBe(true);
  });

  test("Y3: one frame more costs its record, or two lines of each flag as well", () => {
    let odd: u32 = 0;
    for (let frames = FRAMES_MIN; frames < 70000; frames++) {
      const more = bookkeepingBytes(frames + 1) - bookkeepingBytes(frames);
      if (more > 64 + 128 * <u64>PG.COUNT) odd = frames;
    }
    expect<u32>(odd).toBe(0);
  });

  test("Y4: FRAMES_MAX fits, and a mebibyte more would not", () => {
    expect<u64>(arenaBytes(FRAMES_MAX) + STATIC_BYTES_MAX).toBeLessThanOrEqual(ARENA_BYTES_MAX);
    expect<u64>(arenaBytes(FRAMES_MAX + 256) + STATIC_BYTES_MAX).toBeGreaterThan(ARENA_BYTES_MAX);
  });

  test("the static blocks are apart, aligned, and below the arena", () => {
    expect<usize>(resultBase % 16).toBe(0);
    expect<usize>(vmstatBase % 16).toBe(0);
    const results = (<usize>ResultField.LENGTH) << 2;
    const counters = (<usize>Vmstat.COUNT) << 3;
    const apart = resultBase + results <= vmstatBase || vmstatBase + counters <= resultBase;
    expect<bool>(apart).toBe(true);
    expect<usize>(max(resultBase + results, vmstatBase + counters)).toBeLessThan(__heap_base);
  });
});
