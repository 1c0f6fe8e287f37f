// What each step of a history does.

import * as linux from "../../../src/constants.ts";
import type { Device } from "../../../src/device.ts";
import type { Mm } from "../../../src/mm.ts";
import type { MmDiff } from "../../../src/snapshot/diff.ts";
import { at, PAGE, PRIVATE, pages, READ_WRITE } from "../../support/boot.ts";
import { HUGE, HUGE_PRIVATE, HUGE_SHARED, huge } from "../../support/huge.ts";
import type { Step } from "./scene.ts";
import type { Together } from "./world.ts";

const HUGE_AT = huge(4);
const DEVICE_AT = huge(8);
const { MAP_ANONYMOUS, MAP_FIXED, MAP_PRIVATE, MAP_SHARED } = linux;

const ADVICE: Partial<Record<Step["operation"], number>> = {
  clear: linux.MADV_DONTNEED,
  free: linux.MADV_FREE,
  pageout: linux.MADV_PAGEOUT,
  cold: linux.MADV_COLD,
  remove: linux.MADV_REMOVE,
  mergeable: linux.MADV_MERGEABLE,
  unmergeable: linux.MADV_UNMERGEABLE,
};

type Pending = Promise<unknown> | undefined;

/** Begins a step; what it does at once is done, or thrown. */
export function perform(world: Together, step: Step): Pending {
  const mm = world.mms[step.which % world.mms.length] as Mm;
  const { sync, page, count } = step;
  const advice = ADVICE[step.operation];
  const where = pages(page, page + count);
  if (advice !== undefined) {
    return sync ? done(mm.madviseSync(...where, advice)) : mm.madvise(...where, advice);
  }
  return (
    areas(world, step, mm, where) ??
    bytes(step, mm, where) ??
    files(world, step, mm, where) ??
    pins(world, step, mm, where) ??
    machine(world, step, mm) ??
    devices(world, step, mm) ??
    holders(world, step, mm)
  );
}

/** What is done already. */
function done(_result: unknown): Promise<void> {
  return Promise.resolve();
}

type Where = [address: number, length: number];

function areas(world: Together, step: Step, mm: Mm, where: Where): Pending {
  const { sync, flag, page, which } = step;
  const map = (start: number, length: number, flags: number, file = false) => {
    const shown = file ? world.file : null;
    const offset = file ? (which % 4) * PAGE : 0;
    const asked = [start, length, READ_WRITE, flags, shown, offset] as const;
    return sync ? done(mm.mmapSync(...asked)) : mm.mmap(...asked);
  };
  const protect = (prot: number) =>
    sync ? done(mm.mprotectSync(...where, prot)) : mm.mprotect(...where, prot);
  const move = (flags: number, length = where[1]) => {
    const asked = [...where, length, flags, at((page + which) % 16)] as const;
    return sync ? done(mm.mremapSync(...asked)) : mm.mremap(...asked);
  };
  switch (step.operation) {
    case "munmap":
      if (which === 11) return flag ? mm.munmap(HUGE_AT, HUGE) : mm.munmap(DEVICE_AT, 8 * PAGE);
      return sync ? done(mm.munmapSync(...where)) : mm.munmap(...where);
    case "map private":
      return map(...where, PRIVATE | MAP_FIXED | (flag ? linux.MAP_POPULATE : 0));
    case "map shared":
      return map(...where, MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED);
    case "map file":
      return map(...where, MAP_SHARED | MAP_FIXED, true);
    case "map file privately":
      return map(...where, MAP_PRIVATE | MAP_FIXED, true);
    case "map huge":
      return map(HUGE_AT, HUGE, (flag ? HUGE_PRIVATE : HUGE_SHARED) | MAP_FIXED);
    case "protect":
      return protect(flag ? linux.PROT_READ : linux.PROT_NONE);
    case "unprotect":
      return protect(READ_WRITE);
    case "move":
      return move(
        linux.MREMAP_MAYMOVE | (flag ? linux.MREMAP_FIXED : 0),
        flag ? where[1] : where[1] + PAGE,
      );
    case "leave behind":
      return move(linux.MREMAP_MAYMOVE | linux.MREMAP_DONTUNMAP);
    case "grow":
      return move(0, where[1] + PAGE);
    default:
      return lives(world, step, mm, where);
  }
}

/** The break, locks, and the beginning and end of address spaces. */
function lives(world: Together, step: Step, mm: Mm, where: Where): Pending {
  const { sync, flag, count, which } = step;
  switch (step.operation) {
    case "brk": {
      const to = mm.layout().brk + (flag ? count : -count) * PAGE;
      return sync ? done(mm.brkSync(to)) : mm.brk(to);
    }
    case "lock":
      if (flag && which === 0) return mm.mlockall(linux.MCL_CURRENT);
      return sync ? done(mm.mlockSync(...where)) : mm.mlock(...where);
    case "unlock":
      return sync ? done(mm.munlockSync(...where)) : flag ? mm.munlockall() : mm.munlock(...where);
    case "fork":
      if (world.mms.length > 5) return undefined;
      if (sync) return done(world.mms.push(mm.forkSync()));
      return mm.fork().then((child) => world.mms.push(child));
    case "exit": {
      if (flag) world.mms[world.mms.indexOf(mm)] = world.machine.createMm({ group: world.group });
      return sync ? done(mm.exitSync()) : mm.exit();
    }
    default:
      return undefined;
  }
}

function bytes(step: Step, mm: Mm, [address, length]: Where): Pending {
  const { sync, which, flag } = step;
  const write = (to: number, data: Uint8Array) =>
    sync ? done(mm.writeSync(to, data)) : mm.write(to, data);
  switch (step.operation) {
    case "fill":
      return write(address, new Uint8Array(length).fill(which % 3 === 0 ? 2 : 1));
    case "write":
      return write(address + 100, new Uint8Array(PAGE).fill(which + 1));
    case "write huge":
      return write(HUGE_AT + which * PAGE, Uint8Array.of(which));
    case "read":
      return sync ? done(mm.readSync(address, length)) : mm.read(flag ? HUGE_AT : address, length);
    default:
      return undefined;
  }
}

function files(world: Together, step: Step, mm: Mm, where: Where): Pending {
  const { file } = world;
  const { sync, page, count, which } = step;
  const data = () => new Uint8Array(count * PAGE).fill(which);
  switch (step.operation) {
    case "truncate": {
      const size = page * PAGE + which * 100;
      return sync ? done(file.truncateSync(size)) : file.truncate(size);
    }
    case "punch": {
      const hole = [page * PAGE + which, count * PAGE] as const;
      return sync ? done(file.punchSync(...hole)) : file.punch(...hole);
    }
    case "file write": {
      const asked = [page * PAGE + 50, data()] as const;
      return sync ? done(file.writeSync(...asked)) : file.write(...asked);
    }
    case "file read": {
      const asked = [page * PAGE, count * PAGE] as const;
      return sync ? done(file.readSync(...asked)) : file.read(...asked);
    }
    case "file sync":
      return sync ? done(file.syncSync()) : file.sync();
    case "msync":
      return sync ? done(mm.msyncSync(...where, linux.MS_SYNC)) : mm.msync(...where, linux.MS_SYNC);
    case "write back":
      return world.machine.writeback({ pages: count });
    default:
      return undefined;
  }
}

function pins(world: Together, step: Step, mm: Mm, where: Where): Pending {
  const { sync, flag, which } = step;
  const pin = world.pins[which % Math.max(world.pins.length, 1)];
  switch (step.operation) {
    case "pin": {
      const write = flag;
      if (sync) return done(world.pins.push(mm.pinSync(...where, { write })));
      return mm.pin(...where, { write }).then((made) => world.pins.push(made));
    }
    case "unpin":
      pin?.unpin({ dirty: flag });
      return undefined;
    case "store":
      pin?.store(Uint8Array.of(which));
      return undefined;
    case "clear soft-dirty":
      return sync ? done(mm.clearSoftDirtySync()) : mm.clearSoftDirty();
    case "clear referenced":
      mm.clearReferencedSync();
      return undefined;
    case "snapshot":
    case "changes":
    case "apply":
      return diffs(world, step, mm);
    case "look":
      mm.smaps();
      mm.pagemapScan({ categoryAnyOf: linux.PAGE_IS_SOFT_DIRTY });
      expectListed([...mm.pagemap()].length);
      return undefined;
    default:
      return undefined;
  }
}

function expectListed(count: number): void {
  if (count > 2 ** 20) throw new Error(`${count} pages`);
}

function diffs(world: Together, { operation, sync }: Step, mm: Mm): Pending {
  const keep = (diff: MmDiff) => world.diffs.set(mm, diff);
  const last = world.diffs.get(mm);
  if (operation === "snapshot")
    return sync ? done(keep(mm.snapshotSync())) : mm.snapshot().then(keep);
  if (operation === "changes") {
    if (last === undefined) return undefined;
    return sync ? done(keep(mm.changesSync(last))) : mm.changes(last).then(keep);
  }
  const [diff] = world.diffs.values();
  if (diff === undefined) return undefined;
  return sync ? done(world.machine.applySync(diff, mm)) : world.machine.apply(diff, mm);
}

function machine(world: Together, step: Step, mm: Mm): Pending {
  const { machine, group } = world;
  const { sync, flag, count, which, page } = step;
  switch (step.operation) {
    case "migrate": {
      const pfn = mm.isAlive ? (mm.page(at(page))?.pfn ?? 0) : which;
      return sync ? done(machine.migrateSync(pfn)) : machine.migrate(pfn);
    }
    case "merge":
      return sync ? done(machine.mergePagesSync({ pages: 1 + 4 * which })) : machine.mergePages();
    case "reclaim": {
      const asked = flag ? { group, pages: count } : { pages: 2 * count };
      return sync ? done(machine.reclaimSync(asked)) : machine.reclaim(asked);
    }
    case "limit group":
      group.setMemory((2 + 2 * which) * PAGE);
      return undefined;
    case "swap off":
      return sync ? done(machine.swapOffSync()) : machine.swapOff();
    case "swap on":
      world.swapOn();
      return undefined;
    default:
      return undefined;
  }
}

function devices(world: Together, step: Step, mm: Mm): Pending {
  const { machine } = world;
  const { sync, which, flag, count } = step;
  const device = world.devices[which % Math.max(world.devices.length, 1)];
  switch (step.operation) {
    case "remap device": {
      const made = device ?? keepDevice(world, machine.allocateDevice(8));
      mm.mmapSync(DEVICE_AT, 8 * PAGE, READ_WRITE, PRIVATE | MAP_FIXED);
      if (flag) mm.writeSync(DEVICE_AT, Uint8Array.of(1));
      const asked = [DEVICE_AT, made.pfn, 8 * PAGE, linux.PROT_READ] as const;
      return sync ? done(mm.remapPfnRangeSync(...asked)) : mm.remapPfnRange(...asked);
    }
    case "apply device":
      if (device === undefined) return undefined;
      mm.mmapSync(DEVICE_AT, 8 * PAGE, READ_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED);
      return mm.applyToPageRange(DEVICE_AT, count * PAGE, () => ({ pfn: device.pfn, write: flag }));
    case "release device":
      if (device === undefined || device.isReleased) return undefined;
      device.release();
      world.devices.splice(world.devices.indexOf(device), 1);
      return undefined;
    case "hog memory":
      world.hogs.push(machine.allocateDevice(2 ** (5 + (which % 5))));
      return undefined;
    case "free memory":
      world.hogs.pop()?.release();
      return undefined;
    default:
      return undefined;
  }
}

function keepDevice(world: Together, device: Device): Device {
  world.devices.push(device);
  return device;
}

function holders(world: Together, { operation, which, page, flag }: Step, mm: Mm): Pending {
  const checker = world.checkers[which % world.checkers.length];
  if (checker === undefined) return undefined;
  switch (operation) {
    case "install":
      return checker.install(mm, which === 11 ? HUGE_AT + page * PAGE : at(page), flag);
    case "leave":
      return which < 9 ? undefined : checker.leave();
    case "fence":
      if (which < 11) return undefined;
      world.machine.exportNotifiers.fence(checker.subscriber);
      checker.fenced();
      return undefined;
    default:
      return undefined;
  }
}
