// Not a record left to tell a holder with: what must be told is refused, not done untold.

import { Rights, Status } from "../../../assembly/abi";
import { poolReserve, poolUnreserve } from "../../../assembly/frame/pool";
import { Mm } from "../../../assembly/map/mm";
import { exportAdd, exportRemoveAll } from "../../../assembly/op/export";
import { pageMigrate } from "../../../assembly/op/migrate";
import { mprotect } from "../../../assembly/op/mprotect";
import { munmap } from "../../../assembly/op/munmap";
import { noticePool } from "../../../assembly/plan/notice";
import {
  boot,
  countAll,
  expectEmpty,
  expectSound,
  giveBack,
  leave,
  mapAnon,
  page,
  read,
  space,
  takeAllBut,
  touch,
} from "./world";

const PAGE: u64 = 4096;
const HOLDER: u32 = 1;

let mm = changetype<Mm>(0);
/** Notices that the one slab there is could still give. */
let spare: u32 = 0;

describe("lack: of a record to tell with", () => {
  beforeEach(() => {
    boot(1024);
    countAll();
    mm = space();
    mapAnon(mm, 0, 4);
    touch(mm, 0, 4);
    exportAdd(HOLDER, mm, page(1), Rights.Read | Rights.Write);
    takeAllBut(0);
    spare = noticePool.freeCount - noticePool.reserved;
    poolReserve(noticePool, spare);
  });
  afterEach(() => {
    poolUnreserve(noticePool, spare);
    giveBack();
    expectSound();
    exportRemoveAll(HOLDER);
    leave(mm);
    expectEmpty();
  });

  test("P3: munmap, mprotect and a migration of a held page are ENOMEM, and change nothing", () => {
    const pfn = read(mm, 1);
    expect<i32>(munmap(mm, page(0), 4 * PAGE)).toBe(Status.ENOMEM);
    expect<i32>(mprotect(mm, page(0), 4 * PAGE, 0)).toBe(Status.ENOMEM);
    expect<i32>(pageMigrate(pfn)).toBe(Status.ENOMEM);
    expect<u32>(read(mm, 1)).toBe(pfn);
  });
});
