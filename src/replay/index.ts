// pagebell's replayer: recordings of what a kernel did, done again by the engine.

export type {
  ConformanceReport,
  ConformanceRun,
  ConformanceTotals,
} from "./conformance.ts";
export { agrees, conformance, runOf, summarize } from "./conformance.ts";
export { Exporter, type ExporterOptions } from "./exporter.ts";
export type * from "./format.ts";
export { NoticeLog } from "./notice-log.ts";
export { parseRecording, RecordingError, readRecording } from "./recording.ts";
export { Replay, type ReplayOptions, replay } from "./replay.ts";
export type { ReplayReport } from "./report.ts";
export type { RunOptions } from "./run.ts";
export { type Replayable, readReplayable } from "./source.ts";
export { parseStrace, type StraceLog } from "./strace/log.ts";
export { StraceReplay, type StraceReplayOptions } from "./strace/replay.ts";
export type { StraceProcessReport, StraceReport } from "./strace/report.ts";
export type { Disagreements, FirstDisagreement, NoticeTotals } from "./tally.ts";
