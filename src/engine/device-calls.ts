// The calls of devices: memory of their own, and the ptes that show it.

import { PAGE_SIZE } from "../../assembly/abi.ts";
import type { Answers } from "./answers.ts";
import type { Ask } from "./ask.ts";
import type * as R from "./records.ts";

export class DeviceCalls {
  readonly #ask: Ask;
  readonly #answers: Answers;

  constructor(ask: Ask, answers: Answers) {
    this.#ask = ask;
    this.#answers = answers;
  }

  /** A handle, with the first frame in `answer.pfn`; EINVAL, ENOMEM. */
  create(pages: number): number {
    return this.#ask((wasm) => wasm.device_create(pages));
  }

  release(device: number): number {
    return this.#ask((wasm) => wasm.device_release(device));
  }

  /** 0, a ticket, or a status. */
  remap(mm: number, address: number, pfn: number, bytes: number, prot: number): number {
    return this.#ask((wasm) => wasm.pfn_remap(mm, address, pfn, bytes, prot));
  }

  /** The ptes from `start` on, absent ones too, as many as fit a window; or a status below zero. */
  list(mm: number, start: number, end: number): readonly R.PteRecord[] | number {
    const count = this.#ask((wasm) => wasm.pfn_list(mm, start, end));
    return count < 0 ? count : this.#answers.ptes(count, start, PAGE_SIZE);
  }

  /** All of it or nothing: EINVAL, EBUSY, EAGAIN, ENOMEM. */
  install(mm: number, start: number, end: number, what: readonly R.PfnRecord[]): number {
    this.#answers.fill(what.flatMap(({ page, pfn, write }) => [page, pfn, write ? 1 : 0]));
    return this.#ask((wasm) => wasm.pfn_install(mm, start, end, what.length));
  }
}
