// Replaying a recording: each operation by the public API, with a holder outside who exports every
// page, and the kernel's own answers, states and notices beside ours.
//
// Invariants
//   R10  After a disagreement it goes on with the engine's own state.
//   R11  The exporter takes hold between operations only, so that what it holds when it is told was
//       present before the operation.

import { PAGE_SIZE, TASK_SIZE } from "../../assembly/abi.ts";
import type { Core } from "../core.ts";
import { type EngineFault, MemoryError } from "../errors.ts";
import { compareState, hex } from "./compare.ts";
import { Exporter } from "./exporter.ts";
import type {
  RecordedEvent,
  RecordedOperation,
  RecordedPool,
  RecordedStart,
  RecordedState,
  Recording,
} from "./format.ts";
import { NoticeLog } from "./notice-log.ts";
import { NoticeComparison, type NoticeCounts } from "./notices.ts";
import { observe } from "./observe.ts";
import { perform } from "./perform.ts";
import { RecordingError } from "./recording.ts";
import { type ReplayReport, report } from "./report.ts";
import { compareResult, type Ignored, showResult } from "./result.ts";
import { bootFor, type RunOptions, runEvents } from "./run.ts";
import { memoryFor } from "./size.ts";
import { Tally } from "./tally.ts";
import { touched } from "./touched.ts";
import { World } from "./world.ts";

export interface ReplayOptions extends RunOptions {
  /**
   * When the exporter begins to follow the child of a program: "as recorded", that is when the
   * recorded subscriber of that child shows by its first notice that it is there, or "at once".
   * Default "at once".
   */
  readonly follows?: "at once" | "as recorded";
  /** The files of programs begin with nothing in the page cache. Default false. */
  readonly isCold?: boolean;
}

/** Bytes that one mapping may promise: recorded machines had more memory than is simulated. */
const OVERCOMMIT = 2 ** 40;

const NONE: Ignored = new Set<number>();

export class Replay {
  readonly recording: Recording;
  readonly core: Core;
  readonly world: World;
  readonly exporter: Exporter;
  readonly log: NoticeLog;
  readonly tally = new Tally();
  /** Pages that only the look at a state found present: 0 when `touched` is complete. */
  overlooked = 0;
  /** Frames of the machine. */
  readonly frames: number;
  /** Why the engine could not go on, or null. */
  fault: EngineFault | null = null;
  readonly #followsAtOnce: boolean;
  /** Linux never gives back what it promised to the rest of an area of which a part has moved. */
  readonly #losesPromises: boolean;
  readonly #progress: RunOptions["progress"];

  /** In a machine of its own, unless it is given the core of one. */
  constructor(recording: Recording, options: ReplayOptions, core = coreFor(recording, options)) {
    this.recording = recording;
    this.core = core;
    this.frames = core.engine.framesTotal;
    this.log = new NoticeLog(recording.header.arena ?? undefined);
    this.world = this.#make(1, () => new World(core, recording.header, options.isCold));
    const hasProgram = recording.header.program !== null;
    this.#followsAtOnce = options.follows !== "as recorded" || !hasProgram;
    this.#losesPromises = recording.events.some(isMove);
    const answersLater = options.answersLater === true;
    this.exporter = new Exporter(this.world.machine, this.log, { answersLater });
    this.#progress = options.progress;
  }

  /** Replays all of it. Throws RecordingError for a recording that cannot be. */
  async run(): Promise<ReplayReport> {
    const { events } = this.recording;
    for (const mm of this.world.procs.values()) await this.exporter.adopt(mm);
    const steps = {
      step: (event: RecordedEvent) => this.#step(event),
      abandon: (event: RecordedEvent, fault: EngineFault) => this.#abandon(event, fault),
    };
    const seconds = await runEvents(this.core, events, steps, this.#progress);
    return report(this, seconds);
  }

  /** Ends what the recording has left running, in a machine that is used again. */
  async close(): Promise<void> {
    await this.world.close();
    await this.exporter.close();
  }

  async #step(event: RecordedEvent): Promise<void> {
    switch (event.kind) {
      case "file":
        return this.#make(event.line, () => this.world.addFile(event));
      case "start":
        return this.#start(event);
      case "operation":
        return this.#operation(event);
      case "state":
        await this.#lookForOverlooked();
        this.tally.addState(event.line, compareState(event, this.#observed(), this.#pool(event)));
    }
  }

  async #start(event: RecordedStart): Promise<void> {
    await this.world.exit(event.proc);
    const mm = this.#make(event.line, () => this.world.start(event));
    await this.exporter.adopt(mm);
  }

  /** Makes what a line of the recording asks for; the line is at fault when that cannot be. */
  #make<T>(line: number, make: () => T): T {
    try {
      return make();
    } catch (cause) {
      if (!(cause instanceof MemoryError)) throw cause;
      throw new RecordingError(this.recording.file, line, cause.message, { cause });
    }
  }

  async #operation(event: RecordedOperation): Promise<void> {
    const { call, line } = event;
    const ignored = call.op === "mincore" ? this.#swapped(event) : NONE;
    if (!this.#followsAtOnce) await this.#followAsRecorded(event);
    this.log.begin();
    const notices = new NoticeComparison(this.world, this.log, event.notified);
    const got = await perform(this.world, event);
    const counts = notices.finish();
    const difference = compareResult(call, event.result, got, ignored);
    this.tally.addResult(line, difference, () => ({
      want: showResult(call, event.result),
      got: showResult(call, got),
    }));
    this.tally.addNotices(line, counts, () => missedNotice(counts));
    await this.#takeHold(event, got);
  }

  async #takeHold(event: RecordedOperation, got: RecordedOperation["result"]): Promise<void> {
    const { call, proc } = event;
    await this.exporter.resume();
    const child = call.op === "fork" ? this.world.procs.get(call.child) : undefined;
    if (child !== undefined && this.#followsAtOnce) await this.exporter.adopt(child);
    const mm = this.world.procs.get(proc);
    if (mm === undefined) return;
    const hasHugePages = this.recording.header.hugePages > 0;
    for (const { start, end } of touched(call, got, hasHugePages))
      await this.exporter.hold(mm, start, end);
  }

  /** The recorded subscriber of a process is there: so is ours, before the operation. */
  async #followAsRecorded({ notified }: RecordedOperation): Promise<void> {
    for (const { proc } of notified) {
      const mm = this.world.procs.get(proc);
      if (mm !== undefined && !this.exporter.isFollowing(mm)) await this.exporter.adopt(mm);
    }
  }

  /** Before a state: everything that is present must be held already. */
  async #lookForOverlooked(): Promise<void> {
    const mms = [...this.world.procs.values()];
    for (const mm of mms) this.overlooked += await this.exporter.hold(mm, 0, TASK_SIZE);
    this.exporter.audit(mms);
  }

  /** As Linux counts it: what is lent is not among the promises before it comes back. */
  #pool({ pool }: RecordedState): RecordedPool {
    const { free, reserved } = this.world.machine.hugePages;
    const promised = reserved - this.world.machine.vmstat().hugepages_lent;
    return { free, promised: this.#losesPromises ? (pool?.promised ?? 0) : promised };
  }

  #observed() {
    const { header } = this.recording;
    return new Map([...this.world.procs].map(([proc, mm]) => [proc, observe(mm, header)]));
  }

  /** Pages of a mincore whose residence says nothing, because they are swapped out. */
  #swapped({ proc, call }: RecordedOperation): Ignored {
    const mm = this.world.procs.get(proc);
    if (mm === undefined || call.op !== "mincore") return NONE;
    const found = new Set<number>();
    for (const { address, present } of mm.pagemap(call.addr, call.addr + call.len)) {
      if (!present) found.add((address - call.addr) / PAGE_SIZE);
    }
    return found;
  }

  #abandon(event: RecordedEvent, fault: EngineFault): void {
    this.fault = fault;
    const operations = this.recording.events.filter(({ kind }) => kind === "operation").length;
    const left = operations - this.tally.ops;
    const want = event.kind === "operation" ? showResult(event.call, event.result) : event.kind;
    this.tally.abandon(event.line, left, { want, got: fault.message });
  }
}

/** The core of a machine that is large enough. */
export function coreFor(recording: Recording, options: ReplayOptions): Core {
  const { hugePages } = recording.header;
  return bootFor(options, { memory: memoryFor(recording), overcommit: OVERCOMMIT, hugePages });
}

/** Replays a recording: see `Replay`. */
export function replay(recording: Recording, options: ReplayOptions): Promise<ReplayReport> {
  return new Replay(recording, options).run();
}

function isMove(event: RecordedEvent): boolean {
  return event.kind === "operation" && event.call.op === "mremap";
}

function missedNotice({ missed, example }: NoticeCounts) {
  const where = example === null ? "" : `, the first at ${hex(example.address)}`;
  return {
    want: `a notice before the change of each page that the kernel announced`,
    got: `${missed} pages changed without one${where}`,
  };
}
