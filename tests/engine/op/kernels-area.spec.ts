// Do the kernel's own areas stay whole, whichever end of them an unmap begins or ends in?

import { AreaName, Status } from "../../../assembly/abi";
import { Mm } from "../../../assembly/map/mm";
import { mremap } from "../../../assembly/op/mremap";
import { munmap } from "../../../assembly/op/munmap";
import { area, boot, expectSound, leave, mapAnon, page, space } from "./world";

const PAGE: u64 = 4096;

let mm: Mm = changetype<Mm>(0);

function unmap(first: u32, pages: u64): i32 {
  return munmap(mm, page(first), pages * PAGE);
}

describe("the vdso", () => {
  beforeAll(() => boot(300));

  beforeEach(() => {
    mm = space();
    mapAnon(mm, 0, 4);
    mapAnon(mm, 4, 8, 0);
    mapAnon(mm, 8, 12);
    area(mm, 4).name = AreaName.Vdso;
  });

  afterEach(() => {
    expectSound();
    leave(mm);
  });

  test("cannot be cut at its start, its end, or in the middle: EINVAL, nothing goes", () => {
    expect<i32>(unmap(6, 4)).toBe(Status.EINVAL);
    expect<i32>(unmap(5, 1)).toBe(Status.EINVAL);
    expect<u32>(mm.mapCount).toBe(3);
    expect<u64>(area(mm, 4).end).toBe(page(8));
  });

  test("where the end is refused, the beginning is split off all the same, as on Linux", () => {
    expect<i32>(unmap(2, 4)).toBe(Status.EINVAL);
    expect<u32>(mm.mapCount).toBe(4);
    expect<u64>(area(mm, 0).end).toBe(page(2));
  });

  test("cannot be cut by an mremap that shrinks into it", () => {
    expect<i32>(mremap(mm, page(2), 4 * PAGE, PAGE, 0, 0)).toBe(Status.EINVAL);
    expect<u64>(area(mm, 2).end).toBe(page(3));
  });

  test("goes as a whole, with what is around it", () => {
    expect<i32>(unmap(2, 8)).toBe(0);
    expect<u32>(mm.mapCount).toBe(2);
  });
});
