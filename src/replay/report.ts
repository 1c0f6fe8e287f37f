// The report of a replay: agreement, notices, and what it cost.

import type { Replay } from "./replay.ts";
import type { Disagreements, FirstDisagreement, NoticeTotals } from "./tally.ts";

export interface ReplayReport {
  readonly file: string;
  /** The program that ran, in words; null in a synthetic recording. */
  readonly program: string | null;
  /** Operations replayed, and states compared. */
  readonly ops: number;
  readonly states: number;
  readonly disagree: Disagreements;
  readonly notices: NoticeTotals & {
    /** Notices that the exporter got, and releases of whole address spaces. */
    readonly sent: number;
    readonly releases: number;
  };
  readonly exporter: {
    /** Most pages that it held at once, and entries that outlived their page. */
    readonly peak: number;
    readonly violations: number;
  };
  readonly faults: number;
  /** Copies made to break copy-on-write, and pages taken over by their last owner. */
  readonly cowBreaks: number;
  readonly cowReuses: number;
  /** Most frames in use at once, of how many; frames withheld at the end. */
  readonly peakFrames: number;
  readonly frames: number;
  readonly quarantined: number;
  readonly seconds: number;
  readonly opsPerSecond: number;
  readonly first: FirstDisagreement | null;
}

export function report(replay: Replay, seconds: number): ReplayReport {
  const { exporter, fault, frames, log, recording, tally, world } = replay;
  const counters = world.machine.vmstat();
  return {
    file: recording.file,
    program: recording.header.program?.join(" ") ?? null,
    ops: tally.ops,
    states: tally.states,
    disagree: { ...tally.disagree },
    notices: { ...tally.notices, sent: log.told, releases: log.releases },
    exporter: { peak: exporter.peak, violations: exporter.violations },
    faults: counters.pgfault,
    cowBreaks: counters.cow_break,
    cowReuses: counters.cow_reuse,
    peakFrames: counters.peak_frames,
    frames,
    quarantined: fault === null ? world.machine.quarantined : 0,
    seconds,
    opsPerSecond: seconds > 0 ? tally.ops / seconds : 0,
    first: tally.first,
  };
}
