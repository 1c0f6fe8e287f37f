// Reclaim: pages go so that others can come (Linux mm/vmscan.c). The engine scans the LRU lists
// and takes out what nobody holds; what somebody holds is aged with his help, then evicted in a
// bracket.
//
//   shrink ──▶ enough ─────────────────────────────────────────▶ done
//     │ ▲ └──▶ dirty pages of files ──▶ written (write-dirty.ts)
//     │ └─────────────────────────────────┘
//     │ lacks
//     ▼
//   age ──▶ determineReferences ──▶ evict, a bracket for each page ──▶ age …
//     │ nobody is left to be asked
//     ▼
//   what is being written is waited for, as long as something is; then done
//
// Invariants
//   N4  Whoever refuses keeps his page, and no other: the brackets of a batch are apart.
//   N5  A call that lacks memory holds no freeze while reclaim runs for it, and what it lacked is
//       set aside for it until it asks again.
//   N6  A call out of a callback never reclaims: it gets the reserve, or ENOMEM.
//   N7  A reclaim has one deadline, for all of its brackets together.

import { Fate, Status } from "../assembly/abi.ts";
import { Call, type CallOptions } from "./call.ts";
import type { Core } from "./core.ts";
import { drive } from "./drive.ts";
import type { CandidateRecord, DirtyPageRecord, ShrinkRecord } from "./engine/records.ts";
import { EngineFault } from "./errors.ts";
import type { Bracket } from "./notifier/bracket.ts";
import { countReferences } from "./notifier/references.ts";
import { run, runSync } from "./pipeline.ts";
import { type Plan, span } from "./plan.ts";
import { evict } from "./plans.ts";
import { waitFor } from "./wait.ts";
import { isBeingWritten, writeDirty, writeDirtySync } from "./write-dirty.ts";

/** Pages that are asked about, and evicted, at once. */
const BATCH = 32;

/** Frames beyond what lacked first: the same call may go on to lack tables and slabs. */
const SPARE = 8;

/** How often dirty pages are written in vain: who goes on using them keeps them. */
const VAIN_MAX = 3;

/** How often a call may reclaim and find nothing (Linux: MAX_RECLAIM_RETRIES). */
const TRIES_MAX = 16;

/** Pages that were looked at and stay, by what keeps them. */
export interface SkippedPages {
  /** Held outside, and not asked for: enough others went. */
  readonly exported: number;
  /** Held outside, and not let go: refused, late, or just not done. */
  readonly refused: number;
  /** Under the freeze of an open operation. */
  readonly frozen: number;
  /** In areas that are locked (mlock). */
  readonly locked: number;
  readonly pinned: number;
  readonly quarantined: number;
  /** Being read or written. */
  readonly busy: number;
  /** Of files, and newer than what their backings have. */
  readonly dirty: number;
  /** Of files without a backing: the cache is their contents. */
  readonly unbacked: number;
  /** Without a free page of swap. */
  readonly noSwap: number;
}

export interface ReclaimResult {
  /** Pages that went, or are on their way to swap. */
  readonly reclaimed: number;
  /** Pages of inactive lists that were looked at, a page twice when it was looked at twice. */
  readonly scanned: number;
  readonly skipped: SkippedPages;
}

/** What the body of a reclaim asks its driver for. */
type Step =
  | { readonly kind: "write"; readonly pages: readonly DirtyPageRecord[] }
  | { readonly kind: "evict"; readonly victims: readonly CandidateRecord[] };

/** One reclaim under way. */
export interface Job {
  readonly core: Core;
  /** How many pages are wanted. */
  readonly pages: number;
  /** Whose: 0 is everybody's. */
  readonly group: number;
  /** For a call that lacks memory, not for the host. */
  readonly direct: boolean;
  readonly context: Bracket | null;
  /** How its brackets may wait, all of them together; null where nobody may. */
  readonly limits: CallOptions | null;
  readonly deadlineAt: number;
  reclaimed: number;
  scanned: number;
  refused: number;
  /** Of the dirty pages that were to be written last, how many are clean. */
  stored: number;
  readonly fates: number[];
}

export function newJob(
  core: Core,
  ask: { pages: number; group: number; direct: boolean },
  context: Bracket | null,
  limits: CallOptions | null,
): Job {
  const fates = new Array<number>(Fate.COUNT).fill(0);
  const deadlineAt = core.clock.now() + (limits?.deadline ?? core.deadline);
  const counts = { reclaimed: 0, scanned: 0, refused: 0, stored: 0 };
  return { core, ...ask, context, limits, deadlineAt, ...counts, fates };
}

function timeLeft({ core, deadlineAt }: Job): number {
  return Math.max(deadlineAt - core.clock.now(), 0);
}

/** What is left of the job's limits is what a bracket of it has. */
function limitsLeft(job: Job): CallOptions | null {
  return job.limits === null ? null : { ...job.limits, deadline: timeLeft(job) };
}

/** Whether its time is over; throws the reason where the caller has given up. */
function isOver(job: Job): boolean {
  job.limits?.signal?.throwIfAborted();
  return job.limits !== null && timeLeft(job) === 0;
}

/** Does it, waiting for holders and backings. */
export function runJob(job: Job): void | Promise<void> {
  const body = steps(job);
  const next = body.next();
  if (next.done !== true) return drive(body, (step) => act(job, step), next);
}

/** Does it without waiting: holders that would have to be waited for keep their pages. */
export function runJobSync(job: Job): void {
  for (const step of steps(job)) {
    if (step.kind === "write") job.stored = writeDirtySync(job.core, step.pages, job.context);
    else for (const victim of step.victims) evictOneSync(job, victim);
  }
}

export function resultOf({ reclaimed, scanned, refused, fates }: Job): ReclaimResult {
  const of = (fate: Fate) => fates[fate] ?? 0;
  return {
    reclaimed,
    scanned,
    skipped: {
      exported: of(Fate.Exported),
      refused,
      frozen: of(Fate.Frozen),
      locked: of(Fate.Locked),
      pinned: of(Fate.Pinned),
      quarantined: of(Fate.Quarantined),
      busy: of(Fate.Busy),
      dirty: of(Fate.Dirty),
      unbacked: of(Fate.Unbacked),
      noSwap: of(Fate.NoSwap),
    },
  };
}

async function act(job: Job, step: Step): Promise<void> {
  if (step.kind === "write") job.stored = await written(job, step.pages);
  else await Promise.all(step.victims.map((victim) => evictOne(job, victim)));
}

/** How many pages are clean now; a backing that is late, a caller who gives up, fail nothing. */
async function written(job: Job, pages: readonly DirtyPageRecord[]): Promise<number> {
  try {
    return await writeDirty(job.core, pages, job.context, limitsLeft(job));
  } catch (refusal) {
    if (refusal instanceof EngineFault) throw refusal;
    return 0;
  }
}

/** A dirty page of a file is written first: its holders are told of that before they lose it. */
async function evictOne(job: Job, victim: CandidateRecord): Promise<void> {
  try {
    if (victim.mapping !== 0) await written(job, [victim]);
    settle(job, (await run(evicting(job, victim))).count);
  } catch (refusal) {
    refuse(job, refusal);
  }
}

function evictOneSync(job: Job, victim: CandidateRecord): void {
  try {
    if (victim.mapping !== 0) writeDirtySync(job.core, [victim], job.context);
    settle(job, runSync(evicting(job, victim)).count);
  } catch (refusal) {
    refuse(job, refusal);
  }
}

function evicting(job: Job, { pfn }: CandidateRecord): Call {
  return new Call(job.core, evict(pfn), job.context, limitsLeft(job));
}

/** One body, two drivers. */
function* steps(job: Job): Generator<Step, void, void> {
  yield* unheld(job);
  yield* heldOnes(job);
  job.core.engine.reclaim.reserve(true);
}

/** What goes without a word to anybody; what is dirty is written, and goes the next time. */
function* unheld(job: Job): Generator<Step, void, void> {
  for (let vain = 0; vain < VAIN_MAX; ) {
    const before = job.reclaimed;
    const pages = shrink(job);
    if (pages.length === 0 || job.reclaimed >= job.pages) return;
    yield { kind: "write", pages };
    if (isOver(job) || job.stored === 0) return;
    vain = job.reclaimed > before ? 0 : vain + 1;
  }
}

/** Yields the brackets of a batch, which do not wait for each other. */
function* heldOnes(job: Job): Generator<Step, void, void> {
  const { core } = job;
  const seen = new Map<number, number>();
  while (job.reclaimed < job.pages) {
    const candidates = core.engine.reclaim.age(job.group, BATCH);
    // Each is looked at twice, as every page is: used once is not used.
    if (candidates.every(({ pfn }) => (seen.get(pfn) ?? 0) > 1)) return;
    for (const { pfn } of candidates) seen.set(pfn, (seen.get(pfn) ?? 0) + 1);
    job.scanned += candidates.length;
    const counts = countReferences(core, candidates);
    const victims = candidates
      .filter(({ pfn }, at) => core.engine.reclaim.judge(pfn, counts[at] ?? 0))
      .slice(0, job.pages - job.reclaimed)
      .filter(({ pfn }) => isUnwanted(core, pfn));
    if (victims.length === 0) continue;
    yield { kind: "evict", victims };
    if (isOver(job)) return;
  }
}

/** Scans the lists; the dirty pages of files that were passed over. */
function shrink(job: Job): readonly DirtyPageRecord[] {
  const { core, pages, group, direct, fates } = job;
  const lack = pages - job.reclaimed;
  if (lack <= 0) return [];
  const found: ShrinkRecord = core.engine.reclaim.shrink(lack, group, direct);
  job.reclaimed += found.reclaimed;
  job.scanned += found.scanned;
  found.fates.forEach((count, fate) => {
    fates[fate] = (fates[fate] ?? 0) + count;
  });
  core.swap?.writeOut();
  return found.dirty;
}

/** Whether no operation that is queued wants the page, wherever it is: it would be passed. */
function isUnwanted(core: Core, pfn: number): boolean {
  if (core.gate.isEmpty) return true;
  let isFree = true;
  core.engine.pages.places([pfn], (_, mm, address) => {
    const space = core.spaces.get(mm);
    if (space === undefined) return;
    const plan: Plan = { op: "evict", space, ranges: span(address, 1), attempt: () => 0 };
    if (core.gate.inTheWayOf(plan).length > 0) isFree = false;
  });
  return isFree;
}

function settle(job: Job, count: number): void {
  if (count === 0) job.refused++;
  job.reclaimed += count;
  job.core.engine.reclaim.stolen(count, job.direct);
  job.core.swap?.writeOut();
}

function refuse(job: Job, refusal: unknown): void {
  if (refusal instanceof EngineFault) throw refusal;
  job.refused++;
}

/** Gets a call the memory that it lacks, or makes its next attempt its last. */
export function relieve(call: Call): void | Promise<void> {
  if (takesAside(call)) return;
  const job = jobOf(call, call.limitsLeft());
  const pending = runJob(job);
  if (pending !== undefined) return pending.then(() => afterwards(call, job));
  return afterwards(call, job);
}

/** The same where nobody may wait: EAGAIN while pages are being written that would do. */
export function relieveSync(call: Call): void {
  if (takesAside(call)) return;
  const job = jobOf(call, null);
  runJobSync(job);
  if (isRelieved(call, job)) return;
  if (!isBeingWritten(job.core)) {
    call.giveUpMemory();
    return;
  }
  throw call.error(Status.EAGAIN, { reason: "pages that would do are being written" });
}

/** Whether the call needs no reclaim: frames came meanwhile, or it must not reclaim. */
function takesAside(call: Call): boolean {
  if (call.hasReserve || call.reliefs >= TRIES_MAX) {
    call.giveUpMemory();
    return true;
  }
  call.reliefs++;
  const { frames, group } = call.lack;
  return group === 0 && call.promise(frames + SPARE);
}

/**
 * What is made without a call: `ask` is repeated once memory was reclaimed for it, at once. Out of
 * a callback it has the reserve.
 */
export function made(core: Core, context: Bracket | null, ask: () => number): number {
  const status = ask();
  if (status !== Status.NEED_MEMORY) return status;
  if (context === null || context.closed) {
    const { group } = core.engine.answer.lack;
    runJobSync(newJob(core, { pages: BATCH, group, direct: true }, null, null));
    return core.engine.reclaim.lastly(false, ask);
  }
  return core.engine.reclaim.lastly(true, ask);
}

/** A call that reclaims for itself does so for those that come next, too. */
function jobOf(call: Call, limits: CallOptions | null): Job {
  const { core, lack } = call;
  const toHigh = lack.group === 0 ? Math.max(core.engine.reclaim.framesToHigh, 0) : BATCH;
  const ask = { pages: lack.frames + SPARE + toHigh, group: lack.group, direct: true };
  return newJob(core, ask, call.parent, limits);
}

function isRelieved(call: Call, job: Job): boolean {
  const { frames, group } = call.lack;
  return group === 0
    ? call.promise(frames + SPARE)
    : job.reclaimed > 0 && !isBeingWritten(job.core);
}

/** After a reclaim: asks again, waits for what is being written, or gives up. */
function afterwards(call: Call, job: Job): void | Promise<void> {
  if (isRelieved(call, job)) return;
  if (!isBeingWritten(job.core)) {
    if (job.reclaimed === 0) call.giveUpMemory();
    return;
  }
  return writtenFor(call).then(() => afterwards(call, { ...job, reclaimed: 1 }));
}

/** Resolves when a page has been written; rejects as the call gives up. */
function writtenFor(call: Call): Promise<void> {
  return waitFor(call, "no page was written in time", (end) => call.core.written.listen(end));
}
