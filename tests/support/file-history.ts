// A random history of one backed file, by call and by mapping, beside a plain array of bytes that
// has the same done to it; and what of it must survive a crash.
//
//   sync asked          sync resolved
//   ├─ content A ───────┤ ◀─ from here on A must be on the disk, but for
//   └─ what was changed since it was asked: that may be old, new, or anything in between

import { MAP_FIXED, MAP_SHARED, MS_SYNC } from "../../src/constants.ts";
import type { File } from "../../src/file.ts";
import type { Machine } from "../../src/machine.ts";
import type { Mm } from "../../src/mm.ts";
import { BASE, PAGE, READ_WRITE } from "./boot.ts";
import type { Random } from "./prng.ts";

/** Pages that the file has at most. */
const PAGES = 9;

/** Content that has to be durable, and which of its bytes were changed since it was looked at. */
interface Mark {
  readonly bytes: Uint8Array;
  readonly changed: Uint8Array;
}

export class FileHistory {
  readonly file: File;
  readonly #machine: Machine;
  readonly #mm: Mm;
  readonly #random: Random;
  /** What the file holds. */
  #content: Uint8Array;
  /** What the last sync that resolved has made durable. */
  #durable: Mark;
  readonly #asked = new Set<Mark>();
  readonly #background: Promise<void>[] = [];
  #byte = 0;
  /** Syncs that have resolved. */
  syncs = 0;

  constructor(machine: Machine, file: File, stored: Uint8Array, random: Random) {
    this.#machine = machine;
    this.file = file;
    this.#random = random;
    this.#content = stored.slice();
    this.#durable = markOf(stored);
    this.#mm = machine.createMm();
    this.#mm.mmapSync(BASE, PAGES * PAGE, READ_WRITE, MAP_SHARED | MAP_FIXED, file);
  }

  /** One step; it resolves when its operation has. */
  async step(): Promise<void> {
    const choice = this.#random.below(20);
    if (choice < 6) return this.#write();
    if (choice < 10) return this.#store();
    if (choice < 12) return this.#truncate();
    if (choice < 14) return this.#punch();
    if (choice < 15) return this.#read();
    if (choice < 17) return this.sync();
    // One that goes on while other things are done.
    if (choice < 18) this.#goOn();
    else if (choice < 19) await this.#machine.writeback({ pages: 1 + this.#random.below(4) });
    else await this.#mm.msync(BASE, PAGES * PAGE, MS_SYNC);
  }

  /** Resolves when every sync has, and one more of all that there is. */
  async settled(): Promise<void> {
    await Promise.all(this.#background.splice(0));
    await this.sync();
  }

  /** Resolves when what the file holds now is durable. */
  async sync(): Promise<void> {
    const mark = markOf(this.#content);
    this.#asked.add(mark);
    try {
      await this.file.sync();
      this.#durable = mark;
      this.syncs++;
    } finally {
      if (this.#durable !== mark) this.#asked.delete(mark);
    }
  }

  /** What is wrong with the contents that a crash has left: nothing, or where it is. */
  lostIn(image: Uint8Array): string | null {
    const { bytes, changed } = this.#durable;
    for (const [at, byte] of bytes.entries()) {
      if (changed[at] === 1 || image[at] === byte) continue;
      return `byte ${at} of ${bytes.byteLength}: ${byte} was synced, ${image[at]} is there`;
    }
    return null;
  }

  /** Where the file is not what it should be, by call. */
  async differs(): Promise<string | null> {
    const bytes = await this.file.read(0, this.file.size);
    if (bytes.byteLength !== this.#content.byteLength) return `its size is ${bytes.byteLength}`;
    const at = bytes.findIndex((byte, index) => byte !== this.#content[index]);
    return at < 0 ? null : `byte ${at} is ${bytes[at]}, not ${this.#content[at]}`;
  }

  /** A sync that nobody waits for yet; `settled` says how it ended. */
  #goOn(): void {
    const doing = this.sync();
    doing.catch(() => {});
    this.#background.push(doing);
  }

  #next(count: number): Uint8Array {
    this.#byte = (this.#byte % 255) + 1;
    return new Uint8Array(count).fill(this.#byte);
  }

  #change(start: number, end: number): void {
    for (const { changed } of [this.#durable, ...this.#asked]) changed.fill(1, start, end);
  }

  async #write(): Promise<void> {
    const at = this.#random.below((PAGES - 3) * PAGE);
    const isWhole = this.#random.oneIn(2);
    const start = isWhole ? at - (at % PAGE) : at;
    const bytes = this.#next(
      isWhole ? PAGE * (1 + this.#random.below(2)) : this.#random.below(PAGE),
    );
    await this.file.write(start, bytes);
    if (bytes.byteLength === 0) return;
    this.#grow(start + bytes.byteLength);
    this.#content.set(bytes, start);
    this.#change(start, start + bytes.byteLength);
  }

  async #store(): Promise<void> {
    if (this.#content.byteLength === 0) return;
    const at = this.#random.below(this.#content.byteLength);
    const count = Math.min(this.#content.byteLength - at, 1 + this.#random.below(100));
    const bytes = this.#next(count);
    await this.#mm.write(BASE + at, bytes);
    this.#content.set(bytes, at);
    this.#change(at, at + count);
  }

  async #truncate(): Promise<void> {
    const pages = this.#random.below(PAGES - 1);
    const size = pages * PAGE + (this.#random.oneIn(2) ? 0 : this.#random.below(PAGE));
    await this.file.truncate(size);
    this.#change(size, Number.MAX_SAFE_INTEGER);
    if (size > this.#content.byteLength) this.#grow(size);
    else this.#content = this.#content.slice(0, size);
  }

  async #punch(): Promise<void> {
    const start = this.#random.below(PAGES * PAGE);
    const length = 1 + this.#random.below(6 * PAGE);
    await this.file.punch(start, length);
    this.#content.fill(0, start, start + length);
    this.#change(start, start + length);
  }

  async #read(): Promise<void> {
    const wrong = await this.differs();
    if (wrong !== null) throw new Error(wrong);
  }

  #grow(size: number): void {
    if (size <= this.#content.byteLength) return;
    const larger = new Uint8Array(size);
    larger.set(this.#content);
    this.#content = larger;
  }
}

function markOf(bytes: Uint8Array): Mark {
  return { bytes: bytes.slice(), changed: new Uint8Array(bytes.byteLength) };
}
