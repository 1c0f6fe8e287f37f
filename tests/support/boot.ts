// A small real machine for each test: the debug build of the engine, every invariant checked.

import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { bootCore, machineOf } from "../../src/boot.ts";
import {
  MAP_ANONYMOUS,
  MAP_FIXED,
  MAP_PRIVATE,
  PROT_NONE,
  PROT_READ,
  PROT_WRITE,
} from "../../src/constants.ts";
import type { Core } from "../../src/core.ts";
import type { Machine, MachineOptions } from "../../src/machine.ts";
import type { Mm } from "../../src/mm.ts";
import type { ExportOps } from "../../src/notifier/ops.ts";
import type { Subscriber } from "../../src/notifier/subscriber.ts";
import { FakeClock } from "./clock.ts";

export const PAGE = 4096;
export const MIB = 1024 * 1024;
export const PRIVATE = MAP_PRIVATE | MAP_ANONYMOUS;
export const READ_WRITE = PROT_READ | PROT_WRITE;

/** Where drawings begin. */
export const BASE = 0x10_0000_0000;

export type Build = "debug" | "release" | "debug-plain" | "release-plain";

const modules = new Map<Build, WebAssembly.Module>();

export function engineModule(build: Build = "debug"): WebAssembly.Module {
  let module = modules.get(build);
  if (module === undefined) {
    const path = fileURLToPath(new URL(`../../build/${build}.wasm`, import.meta.url));
    module = new WebAssembly.Module(readFileSync(path));
    modules.set(build, module);
  }
  return module;
}

export interface Report {
  readonly error: unknown;
  readonly where: string;
}

/** What a test works with. */
export interface Booted {
  /** What is beneath the public objects. */
  readonly core: Core;
  readonly machine: Machine;
  readonly mm: Mm;
  readonly clock: FakeClock;
  /** What was reported instead of thrown. */
  readonly reports: Report[];
  register(ops: Partial<ExportOps>): Subscriber;
}

export interface BootOptions extends Partial<Omit<MachineOptions, "clock" | "report">> {
  readonly build?: Build;
}

/**
 * A machine with one address space, drawn at `BASE`, a character a page:
 * `.` unmapped, `-` no access, `_` mapped and untouched, `r` read-only, `w` writable and written.
 */
export function boot(drawing = "", options: BootOptions = {}): Booted {
  const clock = new FakeClock();
  const reports: Report[] = [];
  const { build, ...rest } = options;
  const core = bootCore(engineModule(build), {
    memory: 4 * MIB,
    ...rest,
    clock,
    report: (error, where) => reports.push({ error, where }),
  });
  const machine = machineOf(core);
  const mm = machine.createMm();
  draw(mm, drawing);
  const register = (ops: Partial<ExportOps>) =>
    machine.exportNotifiers.register({ name: "holder", ...ops });
  return { core, machine, mm, clock, reports, register };
}

/** Maps what the drawing shows. Pages of one letter side by side are one area. */
export function draw(mm: Mm, drawing: string, base: number = BASE): void {
  for (const run of drawing.matchAll(/(.)\1*/g)) {
    const [pages, letter] = run;
    if (letter === ".") continue;
    const start = base + run.index * PAGE;
    const length = pages.length * PAGE;
    const isOpen = letter === "w" || letter === "_";
    const prot = isOpen ? READ_WRITE : letter === "-" ? PROT_NONE : PROT_READ;
    mm.mmapSync(start, length, prot, PRIVATE | MAP_FIXED);
    if (letter === "w") mm.writeSync(start, pattern(run.index, length));
    if (letter === "r") mm.readSync(start, length);
  }
}

/** Bytes that differ from page to page. */
export function pattern(index: number, length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, at) => 1 + ((index + Math.floor(at / PAGE)) % 255));
}

/** Address of a page of the drawing. */
export function at(page: number): number {
  return BASE + page * PAGE;
}

/** Arguments of a range of pages: address, length. */
export function pages(first: number, end: number): [number, number] {
  return [at(first), (end - first) * PAGE];
}

/** Arguments of a range of pages: start, end. */
export function range(first: number, end: number): [number, number] {
  return [at(first), at(end)];
}

/**
 * What is there now, a character a page: `.` unmapped, `-` no access, `_` no entry, `r` present
 * and not writable, `w` present and writable; a capital letter: exported.
 */
export function strip(mm: Mm, count = 8, base: number = BASE): string {
  const areas = mm.areas();
  let text = "";
  for (let index = 0; index < count; index++) {
    const address = base + index * PAGE;
    const area = areas.find(({ start, end }) => start <= address && address < end);
    const page = mm.page(address);
    if (area === undefined) text += page === null || !page.present ? "." : "!";
    else if (!area.read && !area.write && !area.execute) text += "-";
    else if (page === null || !page.present) text += "_";
    else text += letterOf(page);
  }
  return text;
}

function letterOf(page: { writable: boolean; exported: boolean }): string {
  const letter = page.writable ? "w" : "r";
  return page.exported ? letter.toUpperCase() : letter;
}
