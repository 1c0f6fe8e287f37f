// Does the checker see a page that is said to be left locked and cannot be?

import { PG } from "../../../assembly/abi";
import { flagClear, flagSet } from "../../../assembly/frame/flags";
import { RmapInvariant } from "../../../assembly/map/check";
import { Mm } from "../../../assembly/map/mm";
import { machineCheck } from "../../../assembly/op/machine";
import { boot, leave, mapAnon, pfnAt, space, touch } from "./world";

let mm: Mm = changetype<Mm>(0);

describe("left-locked", () => {
  beforeAll(() => boot(300));

  beforeEach(() => {
    mm = space();
    mapAnon(mm, 0, 4);
    touch(mm, 0, 4);
  });

  afterEach(() => leave(mm));

  test("R7: a count without a lock", () => {
    const pfn = pfnAt(mm, 0);
    flagSet(PG.unevictable, pfn);
    expect<u32>(machineCheck()).toBe(RmapInvariant.LeftLocked);
    flagSet(PG.mlocked, pfn);
    expect<u32>(machineCheck()).toBe(0);
  });

  test("R7: a lock of a page that is not anonymous", () => {
    const pfn = pfnAt(mm, 1);
    flagSet(PG.mlocked, pfn);
    expect<u32>(machineCheck()).toBe(0);
    flagSet(PG.mlocked, 0);
    expect<u32>(machineCheck()).toBe(RmapInvariant.LeftLocked);
    flagClear(PG.mlocked, 0);
    expect<u32>(machineCheck()).toBe(0);
  });
});
