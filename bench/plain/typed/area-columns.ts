// Areas in typed arrays: a column per field, rows in order of address.

import { PAGE } from "../../memory.ts";
import type { AreaFields, Areas } from "../storage.ts";

const ROWS_FIRST = 16;

export class AreaColumns implements Areas {
  count = 0;
  #starts = new Float64Array(ROWS_FIRST);
  #ends = new Float64Array(ROWS_FIRST);
  #offsets = new Float64Array(ROWS_FIRST);
  #flags = new Int32Array(ROWS_FIRST);
  #objects = new Int32Array(ROWS_FIRST);
  #anons = new Int32Array(ROWS_FIRST);

  find(address: number): number {
    const ends = this.#ends;
    let low = 0;
    let high = this.count;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((ends[middle] as number) > address) high = middle;
      else low = middle + 1;
    }
    return low;
  }

  start(at: number): number {
    return this.#starts[at] as number;
  }

  end(at: number): number {
    return this.#ends[at] as number;
  }

  flags(at: number): number {
    return this.#flags[at] as number;
  }

  offset(at: number): number {
    return this.#offsets[at] as number;
  }

  object(at: number): number {
    return this.#objects[at] as number;
  }

  anon(at: number): number {
    return this.#anons[at] as number;
  }

  setBounds(at: number, start: number, end: number, offset: number): void {
    this.#starts[at] = start;
    this.#ends[at] = end;
    this.#offsets[at] = offset;
  }

  setFlags(at: number, flags: number): void {
    this.#flags[at] = flags;
  }

  setAnon(at: number, anon: number): void {
    this.#anons[at] = anon;
  }

  insert(at: number, area: AreaFields): void {
    this.#shift(at, at + 1);
    this.setBounds(at, area.start, area.end, area.offset);
    this.#flags[at] = area.flags;
    this.#objects[at] = area.object;
    this.#anons[at] = area.anon;
  }

  split(at: number, address: number): void {
    const [start, end, offset] = [this.start(at), this.end(at), this.offset(at)];
    const [flags, object, anon] = [this.flags(at), this.object(at), this.anon(at)];
    const above = offset + (address - start) / PAGE;
    this.insert(at + 1, { start: address, end, flags, offset: above, object, anon });
    this.#ends[at] = address;
  }

  remove(at: number, count: number): void {
    this.#shift(at + count, at);
  }

  /** Moves the rows from `from` on so that they begin at `to`. */
  #shift(from: number, to: number): void {
    const { count } = this;
    if (count + to - from > this.#starts.length) this.#grow();
    if (from < count) {
      this.#starts.copyWithin(to, from, count);
      this.#ends.copyWithin(to, from, count);
      this.#offsets.copyWithin(to, from, count);
      this.#flags.copyWithin(to, from, count);
      this.#objects.copyWithin(to, from, count);
      this.#anons.copyWithin(to, from, count);
    }
    this.count = count + to - from;
  }

  #grow(): void {
    const rows = this.#starts.length * 2;
    this.#starts = copied(this.#starts, new Float64Array(rows));
    this.#ends = copied(this.#ends, new Float64Array(rows));
    this.#offsets = copied(this.#offsets, new Float64Array(rows));
    this.#flags = copied(this.#flags, new Int32Array(rows));
    this.#objects = copied(this.#objects, new Int32Array(rows));
    this.#anons = copied(this.#anons, new Int32Array(rows));
  }
}

function copied<T extends Float64Array | Int32Array>(from: T, to: T): T {
  to.set(from);
  return to;
}
