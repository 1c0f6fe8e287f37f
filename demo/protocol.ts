// What the page and the engine's side say to each other, over a port.
//
//   page                                     engine's side (a Worker, or this thread)
//   replay, packed bytes          ─────▶
//                                 ◀─────     progress… · report | failed
//   open · hold · munmap          ─────▶
//                                 ◀─────     view · noticed        the holder is told, and awaited
//   answer                        ─────▶
//                                 ◀─────     ended · settled · view

import type { ReplayReport } from "../src/replay/index.ts";

/** How the holder answers a notice. */
export type Answer = "let-go" | "keep" | "refuse";

/** The first message, which brings the port along. */
export interface Hello {
  readonly engine: WebAssembly.Module;
}

export type ToEngine =
  | { readonly kind: "replay"; readonly file: string; readonly bytes: Uint8Array<ArrayBuffer> }
  | { readonly kind: "open" }
  | { readonly kind: "hold"; readonly index: number; readonly on: boolean }
  | { readonly kind: "munmap"; readonly from: number; readonly to: number }
  | { readonly kind: "answer"; readonly answer: Answer };

/** One page of the strip, read from the page table. */
export interface PageView {
  readonly address: number;
  readonly mapped: boolean;
  /** Page frame number; meaningless where nothing is mapped. */
  readonly pfn: number;
  readonly held: boolean;
}

export interface View {
  readonly pages: readonly PageView[];
  /** As /proc/PID/maps. */
  readonly maps: string;
  readonly framesFree: number;
}

export type ToPage =
  | { readonly kind: "progress"; readonly done: number; readonly total: number }
  | { readonly kind: "report"; readonly report: ReplayReport }
  | { readonly kind: "view"; readonly view: View }
  | {
      readonly kind: "noticed";
      readonly reason: string;
      readonly start: number;
      readonly end: number;
    }
  | { readonly kind: "withdrawn" }
  | { readonly kind: "ended"; readonly committed: boolean }
  | { readonly kind: "settled"; readonly error: string | null; readonly milliseconds: number }
  | { readonly kind: "failed"; readonly message: string };

/** Milliseconds that the holder may take: then the operation is aborted and the pages stay. */
export const DEADLINE = 30_000;

/** Pages of the strip. */
export const STRIP_PAGES = 16;
