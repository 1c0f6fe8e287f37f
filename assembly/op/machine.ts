// The machine as a whole: making it, and the checkers over all of it.

import { Status } from "../abi";
import { buddyInit } from "../frame/buddy";
import { checkFrames } from "../frame/check";
import { checkLru } from "../frame/check-lru";
import { checkPools } from "../frame/check-pool";
import { anonVmaInit } from "../map/anon-vma";
import { areaNodeInit } from "../map/area-node";
import { checkMaps } from "../map/check";
import { deviceInit } from "../map/device";
import { holeInit } from "../map/hole";
import { ksmInit } from "../map/ksm";
import { linkInit } from "../map/link";
import { mappingInit } from "../map/mapping";
import { mmInit } from "../map/mm";
import { vmaInit } from "../map/vma";
import { CHECK } from "../mem/assert";
import { layoutCheck, layoutInit } from "../mem/layout";
import { checkPlans } from "../plan/check";
import { freezeInit } from "../plan/freeze";
import { wanting } from "../plan/lack";
import { noticeInit } from "../plan/notice";
import { recordInit } from "../plan/record";
import { ticketInit } from "../plan/ticket";
import { mergeInit } from "./merge-scan";

/** Makes a machine of `frames` frames, once. EINVAL outside FRAMES_MIN..FRAMES_MAX, ENOMEM. */
export function machineInit(frames: u32): i32 {
  const status = layoutInit(frames);
  if (status) return status;
  buddyInit();
  mmInit();
  vmaInit();
  areaNodeInit();
  linkInit();
  anonVmaInit();
  mappingInit();
  deviceInit();
  ksmInit();
  holeInit();
  freezeInit();
  noticeInit();
  recordInit();
  ticketInit();
  mergeInit();
  return Status.Ok;
}

/** @returns the number of the first invariant that does not hold anywhere, or 0. */
export function machineCheck(): u32 {
  const layout = layoutCheck();
  if (layout) return layout;
  const frames = checkFrames();
  if (frames) return frames;
  const pools = checkPools();
  if (pools) return pools;
  const lists = checkLru();
  if (lists) return lists;
  const maps = checkMaps();
  return maps ? maps : checkPlans();
}

/**
 * What an operation answers. In a debug build every checker runs first, or the engine stops.
 */
export function settled(status: i32): i32 {
  if (CHECK) assert(machineCheck() == 0);
  return status == Status.ENOMEM ? wanting(status) : status;
}
