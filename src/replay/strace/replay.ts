// Replaying an strace log: each operation by the public API, at the address that the recorded
// kernel chose, with a holder outside who exports every page.
//
// Invariants
//   R21  What failed in the log changes nothing here: a mapping that only the engine grants is
//       taken back.

import { MAP_FIXED } from "../../../assembly/abi.ts";
import type { Core } from "../../core.ts";
import { type EngineFault, MemoryError } from "../../errors.ts";
import { FILE } from "../../file-state.ts";
import type { Mm } from "../../mm.ts";
import { SPACE } from "../../space.ts";
import { Exporter } from "../exporter.ts";
import type { RecordedCall, RecordedEvent, RecordedOperation, RecordedResult } from "../format.ts";
import { NoticeLog } from "../notice-log.ts";
import { perform } from "../perform.ts";
import { compareResult, showResult } from "../result.ts";
import { bootFor, type RunOptions, runEvents } from "../run.ts";
import { Tally } from "../tally.ts";
import { touched } from "../touched.ts";
import { World } from "../world.ts";
import { Ledger } from "./ledger.ts";
import type { StraceLog } from "./log.ts";
import { presume } from "./presume.ts";
import type { StraceReport } from "./report.ts";
import { memoryForStrace } from "./size.ts";
import { type Touch, Toucher } from "./touch.ts";

export interface StraceReplayOptions extends RunOptions {
  /** Which pages a program is taken to use. Default "none". */
  readonly touch?: Touch;
}

/** Bytes that one mapping may promise: programs reserve far more than they use. */
const OVERCOMMIT = 2 ** 46;
const NOTHING_IGNORED: ReadonlySet<number> = new Set();

export class StraceReplay {
  readonly core: Core;
  readonly world: World;
  readonly exporter: Exporter;
  readonly #log: StraceLog;
  readonly #notices = new NoticeLog();
  readonly #tally = new Tally();
  readonly #toucher: Toucher;
  readonly #touch: Touch;
  readonly #ledgers: readonly Ledger[];
  readonly #progress: RunOptions["progress"];
  /** Why the engine could not go on, or null. */
  #fault: EngineFault | null = null;
  #addresses = 0;

  constructor(log: StraceLog, options: StraceReplayOptions, core = coreFor(log, options)) {
    this.#log = log;
    this.core = core;
    this.world = new World(core, log.recording.header, true);
    this.#touch = options.touch ?? "none";
    this.#toucher = new Toucher(core, this.#touch);
    const answersLater = options.answersLater === true;
    this.exporter = new Exporter(this.world.machine, this.#notices, { answersLater });
    this.#ledgers = log.spaces.map((space) => new Ledger(space));
    this.#progress = options.progress;
  }

  /** Replays all of it. Nothing in a log makes it fail. */
  async run(): Promise<StraceReport> {
    const { events } = this.#log.recording;
    const steps = {
      step: (event: RecordedEvent) => this.#step(event),
      abandon: (event: RecordedEvent, fault: EngineFault) => this.#abandon(event, fault),
    };
    const seconds = await runEvents(this.core, events, steps, this.#progress);
    for (const [proc, mm] of this.world.procs) this.#ledgers[proc]?.close(mm);
    this.exporter.audit(this.world.procs.values());
    return this.#report(seconds);
  }

  async #step(event: RecordedEvent): Promise<void> {
    try {
      if (event.kind === "file") this.world.addFile(event);
      if (event.kind === "start") await this.exporter.adopt(this.world.start(event));
    } catch (error) {
      // No room for one more: what asks for it will say so.
      if (!(error instanceof MemoryError)) throw error;
    }
    if (event.kind === "operation") await this.#operation(event);
  }

  async #operation(event: RecordedOperation): Promise<void> {
    const { call, proc } = event;
    const ledger = this.#ledgers[proc];
    const mm = this.world.procs.get(proc);
    if (ledger === undefined || mm === undefined) return this.#tell(event, { errno: "ESRCH" });
    ledger.presumedPages += await presume(this.core, mm, event);
    if (call.op === "exit") ledger.close(mm);
    else ledger.count(call);
    this.#placeAlike(event, mm, ledger);
    const { brk } = mm.layout();
    this.#notices.begin();
    const { told } = this.#notices;
    const got = await perform(this.world, event);
    ledger.notices += this.#notices.told - told;
    ledger.noticedPages += this.#notices.pages.size;
    if (call.op !== "exit") this.#tell(event, got);
    if (isOnlyOurs(event, got)) await takeBack(mm, call, got);
    await this.#takeHold(event, mm, got, brk);
  }

  async #takeHold(event: RecordedOperation, mm: Mm, got: RecordedResult, brk: number) {
    const { call } = event;
    await this.exporter.resume();
    const child = call.op === "fork" ? this.world.procs.get(call.child) : undefined;
    if (child !== undefined) await this.exporter.adopt(child);
    if (!mm.isAlive) return;
    const spans = await this.#toucher.after(mm, call, got, brk);
    for (const { start, end } of touched(call, got)) await this.exporter.hold(mm, start, end);
    for (const { start, end } of spans) await this.exporter.hold(mm, start, end);
  }

  /** Counts the answer beside the recorded one. */
  #tell(event: RecordedOperation, got: RecordedResult): void {
    const { call, line, proc, result } = event;
    const difference = compareResult(call, result, got, NOTHING_IGNORED);
    this.#tally.addResult(line, difference, () => ({
      want: showResult(call, result),
      got: showResult(call, got),
    }));
    const ledger = this.#ledgers[proc];
    if (ledger === undefined) return;
    if (difference.result === 0) ledger.agreed++;
    else ledger.differed++;
    if (difference.result > 0 && result.errno === undefined && got.errno === undefined) {
      this.#addresses++;
    }
  }

  /** What the engine would have chosen, where the log's kernel chose. */
  #placeAlike(event: RecordedOperation, mm: Mm, ledger: Ledger): void {
    const { call, result } = event;
    const hint = this.#log.hints.get(event);
    if (hint === undefined || call.op !== "mmap") return;
    const mapping = this.world.file(call.file)?.[FILE].mapping ?? 0;
    const flags = call.flags & ~MAP_FIXED;
    const request = { hint, length: call.len, flags, mapping, offset: call.off };
    ledger.placed++;
    const found = this.core.engine.place.find(mm[SPACE].handle, request);
    if (found === result.ret) ledger.placedAlike++;
  }

  #abandon(event: RecordedEvent, fault: EngineFault): void {
    const want = event.kind === "operation" ? showResult(event.call, event.result) : event.kind;
    this.#tally.abandon(event.line, 0, { want, got: fault.message });
    this.#fault = fault;
  }

  #report(seconds: number): StraceReport {
    const { lines, recording, spaces, unread } = this.#log;
    const processes = this.#ledgers.map((ledger) =>
      ledger.report((proc) => spaces[proc]?.pid ?? 0),
    );
    const counters = this.world.machine.vmstat();
    const { touched: pages, refused, leftOut } = this.#toucher;
    const { disagree, first, ops } = this.#tally;
    const sum = (pick: (ledger: Ledger) => number) =>
      this.#ledgers.reduce((total, ledger) => total + pick(ledger), 0);
    return {
      file: recording.file,
      format: "strace",
      touch: this.#touch,
      lines,
      ops,
      agreed: ops - disagree.result,
      disagree: { errno: disagree.result - this.#addresses, address: this.#addresses },
      placement: { asked: sum((l) => l.placed), agreed: sum((l) => l.placedAlike) },
      presumedPages: sum((l) => l.presumedPages),
      touched: { pages, refused, leftOut },
      notices: {
        sent: this.#notices.told,
        pages: sum((l) => l.noticedPages),
        releases: this.#notices.releases,
      },
      exporter: { peak: this.exporter.peak, violations: this.exporter.violations },
      faults: counters.pgfault,
      cowBreaks: counters.cow_break,
      peakFrames: counters.peak_frames,
      frames: this.core.engine.framesTotal,
      quarantined: this.#fault === null ? this.world.machine.quarantined : 0,
      seconds,
      opsPerSecond: seconds > 0 ? ops / seconds : 0,
      processes,
      notModelled: unread.notModelled,
      unknown: unread.unknown,
      fault: this.#fault?.message ?? null,
      first,
    };
  }
}

/** Whether only the engine granted a mapping. */
function isOnlyOurs({ call, result }: RecordedOperation, { ret }: RecordedResult): boolean {
  return call.op === "mmap" && result.errno !== undefined && typeof ret === "number";
}

async function takeBack(mm: Mm, call: RecordedCall, { ret }: RecordedResult): Promise<void> {
  if (call.op === "mmap" && typeof ret === "number") await mm.munmap(ret, call.len);
}

/** The core of a machine that is large enough. */
function coreFor(log: StraceLog, options: StraceReplayOptions): Core {
  const memory = memoryForStrace(log, options.touch ?? "none");
  return bootFor(options, { memory, overcommit: OVERCOMMIT });
}
