// Areas as objects in a sorted array.

import { PAGE } from "../../memory.ts";
import type { AreaFields, Areas } from "../storage.ts";

interface Area {
  start: number;
  end: number;
  flags: number;
  offset: number;
  object: number;
  anon: number;
}

export class AreaList implements Areas {
  readonly #list: Area[] = [];

  get count(): number {
    return this.#list.length;
  }

  find(address: number): number {
    let low = 0;
    let high = this.#list.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#at(middle).end > address) high = middle;
      else low = middle + 1;
    }
    return low;
  }

  start(at: number): number {
    return this.#at(at).start;
  }

  end(at: number): number {
    return this.#at(at).end;
  }

  flags(at: number): number {
    return this.#at(at).flags;
  }

  offset(at: number): number {
    return this.#at(at).offset;
  }

  object(at: number): number {
    return this.#at(at).object;
  }

  anon(at: number): number {
    return this.#at(at).anon;
  }

  setBounds(at: number, start: number, end: number, offset: number): void {
    const area = this.#at(at);
    area.start = start;
    area.end = end;
    area.offset = offset;
  }

  setFlags(at: number, flags: number): void {
    this.#at(at).flags = flags;
  }

  setAnon(at: number, anon: number): void {
    this.#at(at).anon = anon;
  }

  insert(at: number, { start, end, flags, offset, object, anon }: AreaFields): void {
    this.#list.splice(at, 0, { start, end, flags, offset, object, anon });
  }

  split(at: number, address: number): void {
    const area = this.#at(at);
    const offset = area.offset + (address - area.start) / PAGE;
    this.insert(at + 1, { ...area, start: address, offset });
    area.end = address;
  }

  remove(at: number, count: number): void {
    this.#list.splice(at, count);
  }

  #at(at: number): Area {
    return this.#list[at] as Area;
  }
}
