// The checker of virtual memory: areas and tables of every mm, what areas hang in, reverse map.
//
//   201..202  trees of links          check-object.ts
//   203..206  trees of areas          check-area-tree.ts
//   211..229  areas and their mm      check-area.ts, check-area-tree.ts
//   231       groups                  check-group.ts
//   251..253  links                   check-object.ts
//   301..308  tables and ptes         check-table.ts
//   401..414  reverse map and cache   check-object.ts, check-table.ts, and here
//   421..425  swap                    check-swap.ts
//   431       soft-dirty              check-table.ts
//   441..445  dirty pages, holes      check-dirty.ts
//   451..452  devices                 check-device.ts
//   461..463  merged pages            check-ksm.ts, check-table.ts
//
// Everything is recounted and nothing changed; debug builds do it after each commit, so no step
// costs more than the walk that it is a part of.
//
// Written by: nobody. Read by: op/machine.ts; tests, after each step.

import { PG } from "../abi";
import { flagNext, flagTest } from "../frame/flags";
import { frameOf } from "../frame/frame";
import { frameCount } from "../mem/layout";
import { checkAreas, linksForget } from "./check-area";
import { areaNodesForget, areaNodesLost } from "./check-area-tree";
import { checkDevices, devicesForget } from "./check-device";
import { checkGroups } from "./check-group";
import { checkKsm } from "./check-ksm";
import { checkObjects } from "./check-object";
import { checkSwap, swapForget } from "./check-swap";
import { checkTables, ptesForget, ptesSeen } from "./check-table";
import { weigh } from "./check-used";
import { Mm, mmFirst } from "./mm";
import { rmapFirst, rmapNext } from "./rmap";

/** Numbers of broken invariants of the reverse map. */
export const enum RmapInvariant {
  None = 0,
  /** R4: mapcounts and ptes do not agree. */
  MapCount = 404,
  /** R5: refcount, of a frame that nobody exports; plan/check.ts has the others. */
  RefCount = 405,
  /** R6: the walk does not come to all the ptes. */
  Walk = 406,
  /** R7: a page that is left locked, and is not anonymous or not marked. */
  LeftLocked = 407,
}

/** @returns the number of the first invariant of the map layer that does not hold, or 0. */
export function checkMaps(): u32 {
  linksForget();
  areaNodesForget();
  ptesForget();
  swapForget();
  devicesForget();
  for (let at = mmFirst(); at; at = changetype<Mm>(at).next) {
    const areas = checkAreas(changetype<Mm>(at));
    if (areas) return areas;
    const tables = checkTables(changetype<Mm>(at));
    if (tables) return tables;
  }
  const lost = areaNodesLost();
  if (lost) return lost;
  const groups = checkGroups();
  if (groups) return groups;
  const objects = checkObjects();
  if (objects) return objects;
  if (ptesSeen != mapped(PG.anon) + mapped(PG.pagecache)) return RmapInvariant.MapCount;
  const swap = checkSwap();
  if (swap) return swap;
  const devices = checkDevices();
  if (devices) return devices;
  const merged = checkKsm();
  if (merged) return merged;
  if (!areWithin(PG.unevictable, PG.mlocked) || !areWithin(PG.mlocked, PG.anon)) {
    return RmapInvariant.LeftLocked;
  }
  const anon = checkFrames(PG.anon, 0);
  return anon ? anon : checkFrames(PG.pagecache, 1);
}

/** Has every frame with `flag` the flag `wider` too? */
function areWithin(flag: PG, wider: PG): bool {
  for (let pfn = flagNext(flag, 0, frameCount); pfn < frameCount; ) {
    if (!flagTest(wider, pfn)) return false;
    pfn = flagNext(flag, pfn + 1, frameCount);
  }
  return true;
}

/** Sum over what the frames with `flag` say of their ptes. */
function mapped(flag: PG): u64 {
  let sum: u64 = 0;
  for (let pfn = flagNext(flag, 0, frameCount); pfn < frameCount; ) {
    sum += weigh(pfn) * frameOf(pfn).mapcount;
    pfn = flagNext(flag, pfn + 1, frameCount);
  }
  return sum;
}

/** R5 and R6 of the frames with `flag`, which a cache holds `cached` times. */
function checkFrames(flag: PG, cached: u32): u32 {
  for (let pfn = flagNext(flag, 0, frameCount); pfn < frameCount; ) {
    const frame = frameOf(pfn);
    const isHeld = flagTest(PG.exported, pfn) || flagTest(PG.pinned, pfn);
    const held = flagTest(PG.swapcache, pfn) ? cached + 1 : cached;
    if (!isHeld && !flagTest(PG.hugetlb, pfn) && frame.refcount != frame.mapcount + held)
      return RmapInvariant.RefCount;
    if (visits(pfn) != frame.mapcount) return RmapInvariant.Walk;
    pfn = flagNext(flag, pfn + 1, frameCount);
  }
  return RmapInvariant.None;
}

function visits(pfn: u32): u32 {
  let count: u32 = 0;
  for (let more = rmapFirst(pfn); more; more = rmapNext()) count += 1;
  return count;
}
