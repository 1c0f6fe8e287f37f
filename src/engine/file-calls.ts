// The calls of files: their size, their pages, what is cut off or punched out of them.

import type { FilePage } from "../../assembly/abi.ts";
import type { Ask } from "./ask.ts";

export class FileCalls {
  readonly #ask: Ask;

  constructor(ask: Ask) {
    this.#ask = ask;
  }

  create(kind: number, bytes: number): number {
    return this.#ask((wasm) => wasm.mapping_create(kind, bytes));
  }

  release(mapping: number): number {
    return this.#ask((wasm) => wasm.mapping_release(mapping));
  }

  size(mapping: number): number {
    return this.#ask((wasm) => wasm.mapping_size(mapping));
  }

  /** 0, a ticket, or a status: EINVAL, EAGAIN, ENOMEM, EBADF. */
  truncate(mapping: number, bytes: number): number {
    return this.#ask((wasm) => wasm.mapping_truncate(mapping, bytes));
  }

  /** The same; bytes [start, start + length) read as zeros afterwards. */
  punch(mapping: number, start: number, length: number): number {
    return this.#ask((wasm) => wasm.mapping_punch(mapping, start, length));
  }

  /** Makes room for bytes [from, bytes) that are about to be written. */
  grow(mapping: number, bytes: number, from: number): number {
    return this.#ask((wasm) => wasm.mapping_grow(mapping, bytes, from));
  }

  /** 0, or a status: ENOENT for one that nobody made, EINVAL, EAGAIN, NEED_IO, ENOMEM, EBADF. */
  page(mapping: number, index: number, how: FilePage): number {
    return this.#ask((wasm) => wasm.mapping_page(mapping, index, how));
  }
}
