// Translating many addresses to frames in one look, for whoever maps or emulates: numbers only, and
// no object a page.

import { PAGE_SIZE, Status, TRANSLATE_MANY_MAX, TRANSLATE_MAX } from "../assembly/abi.ts";
import * as take from "./arguments.ts";
import type { Core } from "./core.ts";
import { MemoryError } from "./errors.ts";
import type { Space } from "./space.ts";

const OP = "translate";

function outOf(out: Uint32Array | undefined, count: number): Uint32Array {
  if (out === undefined) return new Uint32Array(count);
  if (!(out instanceof Uint32Array)) throw take.typeError("out", "a Uint32Array", out);
  if (out.length >= count) return out;
  throw new RangeError(`out: ${out.length} words are fewer than the ${count} that are asked for`);
}

/** The frame of each page of [start, start + length). */
export function translateRange(
  core: Core,
  space: Space,
  start: number,
  length: number,
  out?: Uint32Array,
): Uint32Array {
  const from = take.word(start, "start");
  const pages = Math.ceil(take.word(length, "length") / PAGE_SIZE);
  const isWhole = from % PAGE_SIZE === 0;
  if (!isWhole) throw new MemoryError(Status.EINVAL, OP, { address: from, reason: "unaligned" });
  const into = outOf(out, pages);
  for (let done = 0; done < pages; done += TRANSLATE_MAX) {
    const at = from + done * PAGE_SIZE;
    const count = Math.min(pages - done, TRANSLATE_MAX);
    const status = core.engine.pages.translateRange(space.handle, at, into, done, count);
    if (status < 0) throw new MemoryError(status, OP, { address: at });
  }
  return into;
}

/** The frame that each of `addresses` lies in. */
export function translateMany(
  core: Core,
  space: Space,
  addresses: Float64Array,
  out?: Uint32Array,
): Uint32Array {
  if (!(addresses instanceof Float64Array)) {
    throw take.typeError("addresses", "a Float64Array", addresses);
  }
  const into = outOf(out, addresses.length);
  for (let done = 0; done < addresses.length; done += TRANSLATE_MANY_MAX) {
    const some = addresses.subarray(done, done + TRANSLATE_MANY_MAX);
    const good = core.engine.pages.translateMany(space.handle, some, into, done);
    if (good < 0) throw new MemoryError(good, OP);
    const bad = some[good];
    if (bad === undefined) continue;
    throw new MemoryError(Status.EFAULT, OP, { reason: `addresses[${done + good}]: ${bad}` });
  }
  return into;
}
