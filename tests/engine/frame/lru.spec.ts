// Do the LRU lists keep their order whoever leaves, and does the checker see what is broken?

import { FileKind, LruKind, PG, Vmstat } from "../../../assembly/abi";
import { LruInvariant } from "../../../assembly/frame/check-lru";
import { flagClear, flagSet } from "../../../assembly/frame/flags";
import { frameOf } from "../../../assembly/frame/frame";
import {
  lruActivate,
  lruAdd,
  lruDeactivate,
  lruList,
  lruMarkAccessed,
  lruOf,
  lruRemove,
} from "../../../assembly/frame/lru";
import { Mapping, mappingPut } from "../../../assembly/map/mapping";
import { Mm } from "../../../assembly/map/mm";
import { statAdd, statGet } from "../../../assembly/mem/vmstat";
import { fileCreate, fileOf, filePage } from "../../../assembly/op/file";
import { machineCheck } from "../../../assembly/op/machine";
import { munmap } from "../../../assembly/op/munmap";
import { boot, leave, mapAnon, page, read, space, touch } from "../op/world";

const INACTIVE: u32 = lruOf(0, LruKind.InactiveAnon);

let mm: Mm = changetype<Mm>(0);

function count(kind: LruKind): u32 {
  return lruList(lruOf(0, kind)).count;
}

describe("LRU lists", () => {
  beforeAll(() => {
    boot(300);
  });

  beforeEach(() => {
    mm = space();
    mapAnon(mm, 0, 16);
    touch(mm, 0, 16);
  });

  afterEach(() => {
    leave(mm);
    expect<u32>(machineCheck()).toBe(0);
    expect<u32>(count(LruKind.InactiveAnon) + count(LruKind.ActiveAnon)).toBe(0);
  });

  test("who came first stands at the tail", () => {
    const at = lruList(INACTIVE);
    expect<u32>(at.count).toBe(16);
    expect<u32>(at.tail).toBe(read(mm, 0));
    expect<u32>(at.head).toBe(read(mm, 15));
    expect<f64>(statGet(Vmstat.nr_inactive_anon)).toBe(16);
  });

  test("a run that leaves from the middle, the head or the tail leaves the rest in order", () => {
    munmap(mm, page(5), 4 << 12);
    expect<u32>(machineCheck()).toBe(0);
    expect<u32>(frameOf(read(mm, 9)).lruNext).toBe(read(mm, 4));
    munmap(mm, page(12), 4 << 12);
    expect<u32>(lruList(INACTIVE).head).toBe(read(mm, 11));
    munmap(mm, page(0), 2 << 12);
    expect<u32>(lruList(INACTIVE).tail).toBe(read(mm, 2));
    expect<u32>(machineCheck()).toBe(0);
  });

  test("pages beside each other in memory and apart in the list leave one by one", () => {
    const middle = read(mm, 6);
    lruActivate(middle);
    expect<u32>(count(LruKind.ActiveAnon)).toBe(1);
    munmap(mm, page(4), 5 << 12);
    expect<u32>(count(LruKind.ActiveAnon)).toBe(0);
    expect<u32>(count(LruKind.InactiveAnon)).toBe(11);
    expect<u32>(machineCheck()).toBe(0);
  });

  test("an active page that is not wanted is inactive again, and the first to stay", () => {
    const pfn = read(mm, 3);
    lruActivate(pfn);
    lruDeactivate(pfn);
    expect<u32>(lruList(INACTIVE).head).toBe(pfn);
  });

  test("a page that is used by file is active the second time", () => {
    const file = fileOf(<u32>fileCreate(FileKind.Disk, 8192));
    filePage(changetype<Mapping>(file), 0, true);
    const pfn = lruList(lruOf(0, LruKind.InactiveFile)).head;
    expect<u32>(count(LruKind.ActiveFile)).toBe(0);
    lruMarkAccessed(pfn);
    expect<u32>(count(LruKind.ActiveFile)).toBe(1);
    expect<u32>(machineCheck()).toBe(0);
    mappingPut(changetype<Mapping>(file));
    expect<u32>(count(LruKind.ActiveFile)).toBe(0);
  });

  test("L6: a link leads elsewhere, or a count is wrong", () => {
    const frame = frameOf(read(mm, 7));
    const next = frame.lruNext;
    frame.lruNext = read(mm, 2);
    expect<u32>(machineCheck()).toBe(LruInvariant.List);
    frame.lruNext = next;
    lruList(INACTIVE).count++;
    expect<u32>(machineCheck()).toBe(LruInvariant.List);
    lruList(INACTIVE).count--;
  });

  test("L7: a gauge counts a page that is in no list", () => {
    statAdd(Vmstat.nr_active_anon, 1);
    expect<u32>(machineCheck()).toBe(LruInvariant.Gauge);
    statAdd(Vmstat.nr_active_anon, -1);
  });

  test("L8: a page is in no list", () => {
    const pfn = read(mm, 7);
    lruRemove(pfn);
    expect<u32>(machineCheck()).toBe(LruInvariant.Member);
    lruAdd(pfn, INACTIVE);
  });

  test("L9: an anonymous page among files", () => {
    const pfn = read(mm, 7);
    flagClear(PG.swapbacked, pfn);
    expect<u32>(machineCheck()).toBe(LruInvariant.Backing);
    flagSet(PG.swapbacked, pfn);
  });
});
