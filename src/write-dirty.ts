// Dirty pages of files that reclaim has met: written back, so that they can go when it comes by
// again (Linux's vmscan wakes the flusher threads for that).
//
//   dirty ──▶ writeback, an operation of its own: who may write it from outside is told
//         ──▶ a copy goes to the backing ──▶ clean ──▶ evicted
//
// A page that cannot be written stays, dirty; the next sync of its file says why. What was written
// and has gone is not durable before a sync, as after write(2): see `BackedFile.sync`.

import { WritebackMode } from "../assembly/abi.ts";
import type { BackedFile } from "./backed-file.ts";
import type { Call, CallOptions } from "./call.ts";
import type { Core } from "./core.ts";
import type { DirtyPageRecord } from "./engine/records.ts";
import { EngineFault } from "./errors.ts";
import type { Bracket } from "./notifier/bracket.ts";
import { type FilePages, held, perform, performSync, type Work, writeRange } from "./writeback.ts";

/** Writes them, waiting until they are stored: how many are clean now. It never fails. */
export function writeDirty(
  core: Core,
  pages: readonly DirtyPageRecord[],
  context: Bracket | null,
  limits: CallOptions | null,
): Promise<number> {
  const work = (whole: Call) => writeAll(whole, pages);
  return perform(core, "writeback", context, limits ?? undefined, work, true);
}

/** The same, as far as the backings answer at once; what has been begun goes on. */
export function writeDirtySync(
  core: Core,
  pages: readonly DirtyPageRecord[],
  context: Bracket | null,
): number {
  return performSync(core, "writeback", context, (whole) => writeAll(whole, pages), true);
}

/** Whether some page is being written, to swap or to a file, that can go when it is. */
export function isBeingWritten(core: Core): boolean {
  if (core.swap?.isWriting === true) return true;
  for (const { writing } of core.backed.values()) if (writing > 0) return true;
  return false;
}

function* writeAll(whole: Call, pages: readonly DirtyPageRecord[]): Work<number> {
  let count = 0;
  for (const [mapping, indexes] of byFile(pages)) {
    const file = whole.core.backed.get(mapping);
    if (file === undefined) continue;
    count += (yield* held(whole.core, mapping, writeFile(whole, file, indexes))) ?? 0;
  }
  return count;
}

/** Begins with all of one file's pages, then waits for them. */
function* writeFile(whole: Call, file: BackedFile, indexes: readonly number[]): Work<number> {
  const before = file.failures;
  let count = 0;
  for (const run of runsOf(file.mapping, indexes)) {
    count += yield* tried(writeRange(whole, run, run.end - run.first, WritebackMode.Background));
  }
  for (const write of file.writesIn(indexes[0] as number, (indexes.at(-1) as number) + 1)) {
    if (!whole.canWait && !write.isOver) return 0;
    yield write;
  }
  return Math.max(count - (file.failures - before), 0);
}

/** Whoever refuses keeps his page dirty, and that of nobody else. */
function* tried(work: Work<number>): Work<number> {
  try {
    return yield* work;
  } catch (refusal) {
    if (refusal instanceof EngineFault) throw refusal;
    return 0;
  }
}

/** Which pages of which file, each once, ascending. */
function byFile(pages: readonly DirtyPageRecord[]): Map<number, number[]> {
  const found = new Map<number, Set<number>>();
  for (const { mapping, index } of pages) {
    const indexes = found.get(mapping) ?? new Set();
    found.set(mapping, indexes.add(index));
  }
  return new Map([...found].map(([mapping, set]) => [mapping, [...set].sort((a, b) => a - b)]));
}

/** Pages side by side. */
function runsOf(mapping: number, indexes: readonly number[]): FilePages[] {
  const runs: FilePages[] = [];
  for (const index of indexes) {
    const last = runs.at(-1);
    if (last?.end === index) runs[runs.length - 1] = { ...last, end: index + 1 };
    else runs.push({ mapping, first: index, end: index + 1 });
  }
  return runs;
}
