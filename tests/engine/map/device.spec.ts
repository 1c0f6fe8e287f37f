// Does a device count who shows its memory, and do its checkers see what is broken on purpose?

import { MAP_ANONYMOUS, MAP_FIXED, MAP_SHARED, PG, Status } from "../../../assembly/abi";
import { flagClear, flagSet } from "../../../assembly/frame/flags";
import { frameOf } from "../../../assembly/frame/frame";
import { DeviceInvariant } from "../../../assembly/map/check-device";
import {
  Device,
  deviceAt,
  deviceCreate,
  deviceOf,
  deviceRelease,
} from "../../../assembly/map/device";
import { Mm } from "../../../assembly/map/mm";
import { ticketAbort } from "../../../assembly/op/commit";
import { exportAdd, exportRemoveAll } from "../../../assembly/op/export";
import { mmap } from "../../../assembly/op/mmap";
import { munmap } from "../../../assembly/op/munmap";
import { remapPfnRange } from "../../../assembly/op/pfn-range";
import { checkPlans } from "../../../assembly/plan/check";
import { TicketInvariant } from "../../../assembly/plan/check-ticket";
import { Ticket, ticketOf } from "../../../assembly/plan/ticket";
import {
  boot,
  countAll,
  expectEmpty,
  forked,
  leave,
  mapAnon,
  page,
  READ_WRITE,
  space,
  touch,
} from "../op/world";
import { expectBroken } from "./broken";

let mm = changetype<Mm>(0);
let device = changetype<Device>(0);

/** Shared memory over pages [0, 4), of which [0, 2) show the device from its second frame on. */
function show(): void {
  const flags = MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED;
  assert(mmap(mm, page(0), 4 << 12, READ_WRITE, flags, 0, 0) == 0, "mmap");
  assert(remapPfnRange(mm, page(0), device.pfn + 1, 2 << 12, READ_WRITE) == 0, "remap");
}

describe("devices", () => {
  beforeEach(() => {
    boot(2048);
    countAll();
    mm = space();
    device = changetype<Device>(deviceOf(<u32>deviceCreate(3)));
    show();
  });
  afterEach(() => {
    leave(mm);
    assert(deviceRelease(device) == 0, "a device that nobody shows");
    expectEmpty();
  });

  test("three frames that lie together, and no more", () => {
    expect<bool>(deviceAt(device.pfn, 3) != 0).toBe(true);
    expect<bool>(deviceAt(device.pfn, 4) != 0).toBe(false);
    expect<bool>(deviceAt(device.pfn + 3, 1) != 0).toBe(false);
    expect<bool>(deviceAt(0, 1) != 0).toBe(false);
    expect<bool>(deviceAt((<u64>1) << 40, 1) != 0).toBe(false);
    expect<i32>(deviceCreate(0)).toBe(Status.EINVAL);
    expect<i32>(deviceCreate(1025)).toBe(Status.EINVAL);
  });

  test("each pte counts, of a child too, and a device that is shown is not released", () => {
    expect<u32>(device.ptes).toBe(2);
    const child = forked(mm);
    expect<u32>(device.ptes).toBe(4);
    expect<i32>(deviceRelease(device)).toBe(Status.EBUSY);
    assert(munmap(mm, page(0), 1 << 12) == 0, "munmap");
    expect<u32>(device.ptes).toBe(3);
    leave(child);
    expect<u32>(device.ptes).toBe(1);
  });

  test("Q1: a frame of a device that is not its own any more", () => {
    const pfn = device.pfn;
    flagClear(PG.reserved, pfn);
    expectBroken(DeviceInvariant.Frame);
    flagSet(PG.reserved, pfn);
    frameOf(pfn).refcount = 2;
    expectBroken(DeviceInvariant.Frame);
    frameOf(pfn).refcount = 1;
    frameOf(pfn).mapping = 0;
    expectBroken(DeviceInvariant.Frame);
    frameOf(pfn).mapping = changetype<usize>(device);
  });

  test("Q2: a device that counts other ptes than there are", () => {
    device.ptes = 1;
    expectBroken(DeviceInvariant.Ptes);
    device.ptes = 2;
  });

  test("Q3: a device that counts other plans than there are", () => {
    device.plans = 1;
    expect<u32>(checkPlans()).toBe(TicketInvariant.Device);
    device.plans = 0;
    mapAnon(mm, 8, 9);
    touch(mm, 8, 9);
    assert(exportAdd(0, mm, page(8), 1) == 0, "export");
    const handle = remapPfnRange(mm, page(8), device.pfn, 1 << 12, READ_WRITE);
    expect<i32>(handle).toBeGreaterThan(0);
    expect<u32>(device.plans).toBe(1);
    expect<i32>(deviceRelease(device)).toBe(Status.EBUSY);
    device.plans = 0;
    expect<u32>(checkPlans()).toBe(TicketInvariant.Device);
    device.plans = 1;
    ticketAbort(changetype<Ticket>(changetype<usize>(ticketOf(handle))));
    exportRemoveAll(0);
  });
});
