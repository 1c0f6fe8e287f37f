// The processes and files of a recording, as address spaces and files of one machine.
//
// Invariants
//   R13  A process is in `procs` from its fork or start until its exit, and its Mm takes calls.
//   R14  A file's page cache is full from the beginning, unless the world is cold: what the
//       recorded kernel had read before is there for fault-around.

import { PAGE_SIZE } from "../../assembly/abi.ts";
import { machineOf } from "../boot.ts";
import type { Core } from "../core.ts";
import type { File } from "../file.ts";
import type { Machine } from "../machine.ts";
import type { Mm } from "../mm.ts";
import type { RecordedFile, RecordedHeader, RecordedStart } from "./format.ts";
import { importSpace } from "./import.ts";

/** Bytes of zeros written at a time to fill a page cache. */
const CHUNK = 16 * PAGE_SIZE;
const ZEROS = new Uint8Array(CHUNK);

/** The process that a synthetic recording begins with. */
const FIRST_PROC = 0;

export class World {
  readonly core: Core;
  readonly machine: Machine;
  readonly procs = new Map<number, Mm>();
  readonly #files = new Map<number, File>();
  readonly #named = new Map<string, File>();
  readonly #header: RecordedHeader;
  readonly #isCold: boolean;

  /** `isCold`: the files of programs begin with nothing in the page cache. */
  constructor(core: Core, header: RecordedHeader, isCold = false) {
    this.core = core;
    this.#isCold = isCold && header.program !== null;
    this.machine = machineOf(core);
    this.#header = header;
    for (const [index, { name, kind, size }] of header.files.entries()) {
      this.#files.set(index, this.#createFile(name, kind, size));
    }
    if (header.program === null) this.procs.set(FIRST_PROC, this.#createMm());
  }

  /** The file of that number, or null for "no file". */
  file(index: number): File | null {
    return this.#files.get(index) ?? null;
  }

  addFile({ file, size, isMemory = false }: RecordedFile): void {
    this.#files.set(file, this.#createFile(`f${file}`, isMemory ? "memory" : "disk", size));
  }

  /** Makes the address space as it was recorded. Precondition: the process has none (`exit`). */
  start(event: RecordedStart): Mm {
    const mm = this.#createMm(event.brkStart, event.mmapBase);
    importSpace(this.core, mm, event, (name, end) => this.#fileNamed(name, end));
    this.procs.set(event.proc, mm);
    return mm;
  }

  async exit(proc: number): Promise<void> {
    const mm = this.procs.get(proc);
    if (mm === undefined) return;
    this.procs.delete(proc);
    await mm.exit();
  }

  /** Ends every process and gives every file up: nothing of the recording stays in the machine. */
  async close(): Promise<void> {
    for (const proc of [...this.procs.keys()]) await this.exit(proc);
    for (const file of [...this.#files.values(), ...this.#named.values()]) file.release();
    this.#files.clear();
    this.#named.clear();
  }

  #createMm(brkStart?: number, mmapBase = this.#header.mmapBase): Mm {
    return this.machine.createMm({
      ...(mmapBase === null ? {} : { mmapBase }),
      ...(brkStart === undefined ? {} : { brkStart }),
    });
  }

  /** The file that an area's name stands for; one that was never introduced has what it maps. */
  #fileNamed(name: string, end: number): File {
    const index = /^f(\d+)$/.exec(name)?.[1];
    const known = index === undefined ? this.#named.get(name) : this.#files.get(Number(index));
    if (known !== undefined) return known;
    const file = this.#createFile(name, "disk", end);
    this.#named.set(name, file);
    return file;
  }

  /** Bytes that one file may fill of the memory that is free; a larger one is read on demand. */
  #cacheRoom(): number {
    return (this.core.engine.framesFree / 2) * PAGE_SIZE;
  }

  #createFile(name: string, kind: "memory" | "disk", size: number): File {
    const file = this.machine.createFile({ name, kind, size });
    if (this.#isCold || size > this.#cacheRoom()) return file;
    for (let at = 0; at < size; at += CHUNK) {
      file.writeSync(at, ZEROS.subarray(0, Math.min(CHUNK, size - at)));
    }
    // Recorded files were written back before the first operation.
    file.syncSync();
    return file;
  }
}
