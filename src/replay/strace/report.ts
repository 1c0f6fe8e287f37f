// What became of a log: process by process, line by line.

import type { FirstDisagreement } from "../tally.ts";
import type { LineCounts, Unread } from "./counts.ts";

/** How often the kernel and the engine would have chosen the same address. */
export interface PlacementCount {
  readonly asked: number;
  readonly agreed: number;
}

/** One address space: of a program from exec, or of a process from fork, to exit or exec. */
export interface StraceProcessReport {
  /** 0 where the log does not say. */
  readonly pid: number;
  /** The process that it came from, by fork or exec; null: nobody in the log. */
  readonly parent: number | null;
  readonly program: string | null;
  readonly began: "exec" | "fork" | "seen";
  /** "exited 0", "killed SIGKILL", "exec"; null: alive at the end of the log. */
  readonly ended: string | null;
  /** Operations replayed, by name. */
  readonly operations: Readonly<Record<string, number>>;
  /** Of them, those that the engine answered as the kernel did, and those that it did not. */
  readonly agreed: number;
  readonly differed: number;
  readonly placement: PlacementCount;
  /** Pages mapped because a call shows that they were there. */
  readonly presumedPages: number;
  /** Notices that the exporter got while this process acted, and pages it held that they named. */
  readonly notices: number;
  readonly noticedPages: number;
  /** At the end: areas, and pages present. */
  readonly areas: number;
  readonly pages: number;
}

export interface StraceReport {
  readonly file: string;
  readonly format: "strace";
  readonly touch: "none" | "read" | "write";
  readonly lines: LineCounts;
  /** Operations replayed. */
  readonly ops: number;
  readonly agreed: number;
  readonly disagree: {
    /** Calls that failed in one of the two only, or with another errno. */
    readonly errno: number;
    /** Calls that answered another address. */
    readonly address: number;
  };
  readonly placement: PlacementCount;
  readonly presumedPages: number;
  readonly touched: { readonly pages: number; readonly refused: number; readonly leftOut: number };
  readonly notices: {
    readonly sent: number;
    readonly pages: number;
    readonly releases: number;
  };
  readonly exporter: { readonly peak: number; readonly violations: number };
  readonly faults: number;
  readonly cowBreaks: number;
  readonly peakFrames: number;
  readonly frames: number;
  readonly quarantined: number;
  readonly seconds: number;
  readonly opsPerSecond: number;
  readonly processes: readonly StraceProcessReport[];
  readonly notModelled: readonly Unread[];
  readonly unknown: readonly Unread[];
  /** Why the engine could not go on, or null. */
  readonly fault: string | null;
  /** The first operation that was answered otherwise. */
  readonly first: FirstDisagreement | null;
}
