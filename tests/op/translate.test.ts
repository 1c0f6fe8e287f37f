// Do the batched translations say what pagemap says, page for page, and refuse what is no address?

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { MAP_HUGETLB, NO_FRAME } from "../../src/constants.ts";
import { at, boot, MIB, PAGE, PRIVATE, pages, READ_WRITE } from "../support/boot.ts";
import { SEED } from "../support/prng.ts";

const HUGE = 2 * MIB;

describe("translateRange", () => {
  test("a frame where a page is present, 0 for the zero page, NO_FRAME elsewhere", () => {
    const { mm } = boot("w_w__w");
    mm.readSync(at(1), 1);
    const frames = mm.translateRange(at(0), 8 * PAGE);
    const pfn = (page: number) => mm.page(at(page))?.pfn;
    expect([...frames]).toEqual([
      pfn(0),
      0,
      pfn(2),
      NO_FRAME,
      NO_FRAME,
      pfn(5),
      NO_FRAME,
      NO_FRAME,
    ]);
  });

  test("the parts of a huge page have its frames, from wherever one looks", () => {
    const { mm } = boot("", { memory: 16 * MIB, hugePages: 2 });
    const start = mm.mmapSync(0, HUGE, READ_WRITE, PRIVATE | MAP_HUGETLB);
    mm.writeSync(start, Uint8Array.of(1));
    const first = mm.page(start)?.pfn ?? 0;
    expect([...mm.translateRange(start + 5 * PAGE, 3 * PAGE)]).toEqual(
      [5, 6, 7].map((n) => first + n),
    );
    expect([...mm.translateMany(Float64Array.of(start + 511 * PAGE + 17))]).toEqual([first + 511]);
  });

  test("more than one call of the engine answers goes into one array", () => {
    const { mm } = boot("w");
    const frames = mm.translateRange(at(0), 40_000 * PAGE);
    expect(frames.length).toBe(40_000);
    expect(frames[0]).toBe(mm.page(at(0))?.pfn);
    expect(new Set(frames.subarray(1))).toEqual(new Set([NO_FRAME]));
  });

  test("as pagemap, over any part of any layout", () => {
    const layouts = fc.string({
      unit: fc.constantFrom("w", "_", "r"),
      minLength: 1,
      maxLength: 40,
    });
    const check = (layout: string, first: number, count: number) => {
      const { mm } = boot(layout.replaceAll("r", "_"));
      [...layout].forEach((kind, page) => void (kind === "r" && mm.readSync(at(page), 1)));
      const known = new Map([...mm.pagemap()].map(({ address, pfn }) => [address, pfn]));
      const addresses = Array.from({ length: count }, (_, page) => at(first + page));
      const wanted = addresses.map((address) => known.get(address) ?? NO_FRAME);
      expect([...mm.translateRange(at(first), count * PAGE)]).toEqual(wanted);
      const inside = Float64Array.from(addresses, (address, index) => address + (index % PAGE));
      expect([...mm.translateMany(inside)]).toEqual(wanted);
    };
    const part = fc.nat({ max: 40 });
    fc.assert(fc.property(layouts, part, part, check), { seed: SEED, numRuns: 60 });
  });

  test("looks only: no page is made, none is marked as used", () => {
    const { mm } = boot("w_");
    mm.clearReferencedSync();
    mm.translateRange(...range(0, 2));
    expect([...mm.pagemap()].map(({ accessed }) => accessed)).toEqual([false]);
  });
});

/** Start and length of pages [first, end). */
function range(first: number, end: number): [number, number] {
  return [pages(first, end)[0], (end - first) * PAGE];
}

describe("what is no translation", () => {
  test.each([
    ["an unaligned start", 1, PAGE, "EINVAL"],
    ["an end beyond user space", 2 ** 47 - 2 * PAGE, 4 * PAGE, "EFAULT"],
    ["a start beyond it", 2 ** 48, PAGE, "EFAULT"],
  ])("%s", (_, start, length, code) => {
    const { mm } = boot("w");
    expect(() => mm.translateRange(start, length)).toThrow(expect.objectContaining({ code }));
  });

  test.each([Number.NaN, -1, Number.POSITIVE_INFINITY, 2 ** 47, -0.5])(
    "the address %d",
    (address) => {
      const { mm } = boot("w");
      const asked = Float64Array.of(at(0), address);
      expect(() => mm.translateMany(asked)).toThrow(
        expect.objectContaining({
          code: "EFAULT",
          message: expect.stringContaining("addresses[1]"),
        }),
      );
    },
  );

  test("arguments of other types, and an array that is too short", () => {
    const { mm } = boot("w");
    expect(() => mm.translateMany([at(0)] as never)).toThrow(TypeError);
    expect(() => mm.translateRange(at(0), PAGE, new Uint8Array(4) as never)).toThrow(TypeError);
    expect(() => mm.translateRange(Number.NaN, PAGE)).toThrow();
    expect(() => mm.translateRange(at(0), 2 * PAGE, new Uint32Array(1))).toThrow(RangeError);
  });

  test("an address space that has exited", () => {
    const { mm } = boot("w");
    mm.exitSync();
    expect(() => mm.translateRange(at(0), PAGE)).toThrow(
      expect.objectContaining({ code: "ESRCH" }),
    );
  });
});
