// The calls that import a recorded address space.

import type { Ask } from "./ask.ts";
import type * as R from "./records.ts";

export class ImportCalls {
  readonly #ask: Ask;

  constructor(ask: Ask) {
    this.#ask = ask;
  }

  area(mm: number, area: R.AreaRecord): number {
    const { start, end, vmFlags, offset, mapping, name } = area;
    return this.#ask((w) => w.import_area(mm, start, end, vmFlags, offset, mapping, name));
  }

  page(mm: number, address: number, zero: boolean): number {
    return this.#ask((wasm) => wasm.import_page(mm, address, zero ? 1 : 0));
  }

  brk(mm: number, start: number, brk: number): number {
    return this.#ask((wasm) => wasm.import_brk(mm, start, brk));
  }
}
