// One run of a history: the machine, its holders, and everything that was started.

import type fc from "fast-check";
import type { Backing } from "../../../src/backing/backing.ts";
import { memoryBacking } from "../../../src/backing/memory.ts";
import { MADV_MERGEABLE } from "../../../src/constants.ts";
import type { Device } from "../../../src/device.ts";
import { EngineFault } from "../../../src/errors.ts";
import type { File } from "../../../src/file.ts";
import type { Group } from "../../../src/group.ts";
import type { Machine } from "../../../src/machine.ts";
import type { Mm } from "../../../src/mm.ts";
import type { Pin } from "../../../src/pin.ts";
import type { MmDiff } from "../../../src/snapshot/diff.ts";
import { at, type Booted, boot, draw, MIB, PAGE, pages } from "../../support/boot.ts";
import { Checker } from "../../support/checker.ts";
import { settle } from "../../support/clock.ts";
import { perform } from "./perform.ts";
import { type Operation, type Scene, SPACE_PAGES, type Step } from "./scene.ts";

const DEADLINE = 10_000;
const OPTIONS = { memory: 5 * MIB, hugePages: 1, overcommit: 64 * MIB, reclaim: true };
/** What a call may fail with: an errno or a signal. */
const CODE = /^(E[A-Z]+|SIG[A-Z]+)$/;

export class Together {
  readonly booted: Booted;
  readonly machine: Machine;
  readonly group: Group;
  readonly checkers: Checker[];
  readonly mms: Mm[];
  readonly file: File;
  readonly pins: Pin[] = [];
  readonly devices: Device[] = [];
  readonly hogs: Device[] = [];
  /** The last diff of each address space. */
  readonly diffs = new Map<Mm, MmDiff>();
  /** What should not have happened. */
  readonly wrong: string[] = [];
  readonly scene: Scene;
  readonly #scheduler: fc.Scheduler;
  readonly #frames: number;
  #started = 0;
  #settled = 0;
  #answers = 0;
  #questions = 0;
  #depth = 0;
  #hasFailed = false;

  constructor(scheduler: fc.Scheduler, scene: Scene) {
    this.scene = scene;
    this.#scheduler = scheduler;
    this.booted = boot("", { ...OPTIONS, exportNotifiers: { parallel: scene.parallel } });
    this.machine = this.booted.machine;
    this.booted.mm.exitSync();
    this.#frames = this.#free();
    this.swapOn();
    this.group = this.machine.createGroup({ memory: 2 * SPACE_PAGES * PAGE });
    this.mms = [this.machine.createMm({ group: this.group }), this.machine.createMm()];
    draw(this.mms[0] as Mm, "wwwwwwrr____");
    draw(this.mms[1] as Mm, "wwww________");
    // Equal pages, seen once by a pass: the next one finds them unchanged.
    for (const mm of this.mms) {
      mm.writeSync(at(0), new Uint8Array(4 * PAGE).fill(1));
      mm.madviseSync(...pages(0, 10), MADV_MERGEABLE);
    }
    this.machine.mergePagesSync();
    this.file = this.#openFile();
    this.checkers = ["a", "b", "c"].map((name, index) => this.#checker(name, index));
    this.checkers[2]?.subscriber.watch(this.mms[0] as Mm);
  }

  get isSettled(): boolean {
    return this.#settled === this.#started;
  }

  swapOn(): void {
    this.machine.swapOn({ pages: 24, backing: this.#store() });
  }

  async step(step: Step): Promise<void> {
    this.begin(step);
    await settle();
    if (step.operation === "answer" && this.#scheduler.count() > 0) {
      await this.#scheduler.waitNext(1);
    }
    for (const checker of this.checkers) checker.audit();
  }

  begin(step: Step): void {
    try {
      const pending = perform(this, step);
      if (pending === undefined) return;
      this.#started++;
      pending.then(
        () => this.#settled++,
        (error) => {
          this.#settled++;
          this.#judge(step, error);
        },
      );
    } catch (error) {
      this.#judge(step, error);
    }
  }

  /** Invariant 8: sleepers wake, deadlines pass, and then nothing is left waiting. */
  async settle(): Promise<void> {
    for (let round = 0; round < 400 && !this.#isQuiet(); round++) {
      await this.#scheduler.waitIdle();
      await this.booted.clock.advance(DEADLINE);
    }
    for (const { violations } of this.checkers) this.wrong.push(...violations);
    for (const { error, where } of this.booted.reports) {
      if (error instanceof Error && error.name === "EngineFault")
        this.wrong.push(`${where}: ${error}`);
    }
  }

  /** Everybody goes. */
  async end(): Promise<void> {
    for (const { subscriber } of this.checkers) this.machine.exportNotifiers.fence(subscriber);
    await settle();
    for (const pin of this.pins) pin.unpin();
    for (const mm of this.machine.mms) await mm.exit();
    for (const device of [...this.devices, ...this.hogs]) device.release();
    this.file.release();
    for (let tries = 0; tries < 20; tries++) {
      const synced = this.machine.sync().catch(() => {});
      await this.#scheduler.waitIdle();
      await synced;
    }
    await this.#leaveSwap();
    this.group.release();
  }

  async #leaveSwap(): Promise<void> {
    for (let tries = 0; tries < 20; tries++) {
      let code = "";
      const gone = this.machine.swapOff().catch((error) => {
        code = error.code;
      });
      await this.#scheduler.waitIdle();
      await gone;
      if (code === "EINVAL" || code === "") return;
    }
  }

  /** What is not given back. A pool may keep an empty slab: it counts as given back. */
  left() {
    const { machine } = this;
    const { nr_foll_pin_acquired, nr_foll_pin_released } = machine.vmstat();
    return {
      frames: this.#frames - this.#free(),
      quarantined: machine.quarantined,
      huge: machine.hugePages.total - machine.hugePages.free + machine.hugePages.reserved,
      pins: nr_foll_pin_acquired - nr_foll_pin_released,
    };
  }

  #free(): number {
    return this.machine.frames.free + this.machine.vmstat().nr_slab;
  }

  #isQuiet(): boolean {
    const { brackets, waiting } = this.machine.load;
    return this.isSettled && brackets === 0 && waiting === 0 && this.#scheduler.count() === 0;
  }

  #judge(step: Step, error: unknown): void {
    // One engine fails once; what comes after says no more.
    if (this.#hasFailed) return;
    if (error instanceof EngineFault) this.#hasFailed = true;
    const { code, message } = error as { code?: string; message?: string };
    if (code !== undefined && CODE.test(code)) return;
    const asked = `${step.sync ? "sync " : ""}${step.operation}`;
    this.wrong.push(`${asked}: ${(error as Error)?.stack ?? message ?? String(error)}`);
  }

  /** A backing that answers late, in any order, and fails now and then, as the scene says. */
  #store(): Backing {
    const memory = memoryBacking();
    const ask = <T>(work: () => T | Promise<T>): T | Promise<T> => {
      this.#questions++;
      const { isSlow, failsEvery } = this.scene;
      const fails = failsEvery > 0 && this.#questions % failsEvery === 0;
      const go = () => {
        if (fails) throw new Error("the backing fails");
        return work();
      };
      return isSlow ? this.#scheduler.schedule(Promise.resolve(), "backing").then(go) : go();
    };
    return {
      read: (position, into) => ask(() => memory.read(position, into)),
      write: (position, from) => ask(() => memory.write(position, from)),
      size: () => memory.size(),
      truncate: (bytes) => ask(() => memory.truncate(bytes)),
      sync: () => ask(() => memory.sync()),
    };
  }

  #openFile(): File {
    const size = SPACE_PAGES * PAGE;
    const { store } = this.scene;
    if (store !== "backing") return this.machine.createFile({ kind: store, size });
    return this.machine.openFileSync({ backing: { ...this.#store(), size: () => size } });
  }

  #checker(name: string, index: number): Checker {
    const sync = index === 0;
    return new Checker(this.machine, {
      name,
      sync,
      hearsOfFiles: index < 2,
      answer: () => {
        const { answers } = this.scene;
        this.#answers++;
        const answer = answers[this.#answers % answers.length] ?? "at once";
        return sync && answer !== "lie" && answer !== "throw" ? "at once" : answer;
      },
      sleep: () => this.#sleep(),
      ...(this.scene.meddles ? { meddle: () => this.#meddle() } : {}),
    });
  }

  /** Hangs every third time: then only the deadline ends the wait. */
  #sleep(): Promise<void> {
    if (this.#answers % 3 === 0) return new Promise(() => {});
    return this.#scheduler.schedule(Promise.resolve(), "sleeper");
  }

  /** A callback that calls back in, without carrying its bracket. */
  #meddle(): void {
    if (this.#depth > 0 || this.#started > 300) return;
    const kinds: Operation[] = [
      "munmap",
      "write",
      "read",
      "pin",
      "reclaim",
      "merge",
      "exit",
      "fork",
    ];
    const operation = kinds[this.#answers % kinds.length] ?? "read";
    const page = this.#answers % SPACE_PAGES;
    const which = this.#answers % 12;
    this.#depth++;
    this.begin({ operation, page, count: 2, which, flag: which % 3 === 0, sync: which % 2 === 0 });
    this.#depth--;
  }
}
