// Making a machine: options checked, an engine started, and the objects that stand for it.

import { FRAMES_MAX, FRAMES_MIN, PAGE_SIZE } from "../assembly/abi.ts";
import * as take from "./arguments.ts";
import { hostClock } from "./clock.ts";
import { Core, type Reporter } from "./core.ts";
import { Engine } from "./engine/engine.ts";
import { instantiate } from "./engine/load.ts";
import { MemoryError } from "./errors.ts";
import { File } from "./file.ts";
import { DEADLINE_DEFAULT, Machine, type MachineOptions } from "./machine.ts";
import { Mm } from "./mm.ts";
import { ExportNotifiers } from "./notifier/registry.ts";
import { swapOptionsOf } from "./swap.ts";
import { TRACE_CAPACITY_DEFAULT, TRACE_CAPACITY_MAX } from "./trace.ts";

const CLOCK_METHODS = ["now", "setTimeout", "clearTimeout"] as const;

/** Makes a machine in an instance of a compiled module. */
export function bootMachine(module: WebAssembly.Module, options: MachineOptions): Machine {
  return machineOf(bootCore(module, options));
}

/** The core alone: for what reaches beneath the public API, as the replayer's imports do. */
export function bootCore(module: WebAssembly.Module, options: MachineOptions): Core {
  const frames = framesOf(options);
  const trace = traceOf(options);
  const deadline = take.duration(options.deadline ?? DEADLINE_DEFAULT, "deadline");
  const overcommit = take.natural(options.overcommit ?? 0, "overcommit");
  const hugePages = take.natural(options.hugePages ?? 0, "hugePages");
  const swap = swapOptionsOf(options.swap);
  const reclaims = take.flag(options.reclaim ?? swap !== undefined, "reclaim");
  const clock = take.methods(options.clock ?? hostClock, "clock", CLOCK_METHODS);
  const parallel = take.flag(notifierOptionsOf(options)?.parallel, "exportNotifiers.parallel");
  const debug = take.flag(options.debug, "debug");
  const report = reporterOf(options);
  const engine = new Engine(instantiate(module));
  const status = engine.start(frames);
  if (status < 0) throw new MemoryError(status, "createMachine");
  const pool = engine.huge.pool(Math.min(hugePages, FRAMES_MAX));
  if (pool < 0) {
    const reason = `memory has no ${hugePages} huge pages`;
    throw new MemoryError(pool, "createMachine", { reason });
  }
  engine.overcommit(Math.ceil(overcommit / PAGE_SIZE));
  const settings = {
    engine,
    clock,
    deadline,
    parallel,
    debug,
    traceCapacity: trace.capacity,
    report,
    swap,
    reclaims,
  };
  const core = new Core(settings, (made) => {
    const notifiers = new ExportNotifiers(made);
    return {
      machine: (context) => new Machine(made, context, notifiers),
      mm: (space, context) => new Mm(made, space, context),
      file: (state, context) => new File(state, context),
    };
  });
  if (trace.isOn) core.trace.start();
  return core;
}

export function machineOf(core: Core): Machine {
  return core.objects.machine(null);
}

function framesOf(options: MachineOptions): number {
  take.options(options, "options");
  if (options === undefined) throw take.typeError("options", "an object", options);
  const { memory } = options;
  if (typeof memory !== "number") throw take.typeError("memory", "a number of bytes", memory);
  const [least, most] = [FRAMES_MIN * PAGE_SIZE, FRAMES_MAX * PAGE_SIZE];
  if (memory >= least && memory <= most) return Math.floor(memory / PAGE_SIZE);
  const limits = `from ${least} to ${most} bytes`;
  throw new RangeError(`memory: ${memory} is not in what a machine can have, ${limits}`);
}

function traceOf({ trace }: MachineOptions): { isOn: boolean; capacity: number } {
  if (trace === undefined || typeof trace === "boolean") {
    return { isOn: trace === true, capacity: TRACE_CAPACITY_DEFAULT };
  }
  const capacity = take.natural(trace, "trace");
  if (capacity >= 1 && capacity <= TRACE_CAPACITY_MAX) return { isOn: true, capacity };
  throw new RangeError(`trace: ${capacity} is not from 1 to ${TRACE_CAPACITY_MAX} events`);
}

function notifierOptionsOf({ exportNotifiers }: MachineOptions) {
  return take.options(exportNotifiers, "exportNotifiers");
}

function reporterOf({ report = toConsole }: MachineOptions): Reporter {
  if (typeof report === "function") return report;
  throw take.typeError("report", "a function", report);
}

function toConsole(error: unknown, where: string): void {
  console.error(`pagebell: ${where}:`, error);
}
