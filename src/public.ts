// The public names that every entry shares.

export type { AsyncBacking, Backing, DirectBacking } from "./backing/backing.ts";
export { memoryBacking } from "./backing/memory.ts";
export type { CallOptions } from "./call.ts";
export type { Clock } from "./clock.ts";
export * from "./constants.ts";
export type { Reporter } from "./core.ts";
export { Device } from "./device.ts";
export type { EngineSource } from "./engine/load.ts";
export type { LayoutRecord, WatermarksRecord } from "./engine/records.ts";
export {
  EngineFault,
  MemoryError,
  type MemoryErrorCode,
  type MemoryErrorDetail,
  type SignalCode,
} from "./errors.ts";
export type { ExitResult } from "./exit.ts";
export { File, type FileOptions } from "./file.ts";
export type { FileStore } from "./file-state.ts";
export { WAITERS_MAX } from "./gate.ts";
export { Group, type GroupOptions } from "./group.ts";
export type { Area } from "./inspect.ts";
export {
  DEADLINE_DEFAULT,
  Machine,
  type MachineOptions,
  type MmOptions,
  type WritebackOptions,
} from "./machine.ts";
export type { MergeOptions, MergeResult, MergeState } from "./merge.ts";
export { type FaultOptions, Mm } from "./mm.ts";
export type { References } from "./mm-pages.ts";
export type {
  ExportOps,
  Place,
  ProcessRange,
  ReferenceQuery,
  Why,
  WhyDemand,
  WhyReason,
} from "./notifier/ops.ts";
export { ExportNotifiers } from "./notifier/registry.ts";
export { type ExportedPage, type ExportOptions, Subscriber } from "./notifier/subscriber.ts";
export type { OpenFileOptions } from "./open-file.ts";
export { Page, type PageExport } from "./page.ts";
export type {
  PageInfo,
  PagemapRange,
  PagemapScan,
  PagemapScanOptions,
  PageState,
} from "./pagemap.ts";
export type { DevicePage, PageEntry, PageVisitor } from "./pfn-range.ts";
export { Pin, type PinOptions } from "./pin.ts";
export type { FramePlace } from "./places.ts";
export type { AddressRange } from "./plan.ts";
export type { ReclaimResult, SkippedPages } from "./reclaim.ts";
export type { ReclaimOptions } from "./reclaiming-machine.ts";
export type { AreaSums, MemorySums } from "./smaps.ts";
export { decodeDiff, encodeDiff } from "./snapshot/bytes.ts";
export type { DiffArea, MmDiff } from "./snapshot/diff.ts";
export { SWAP_PAGES_MAX, type SwapBacking, type SwapOptions } from "./swap.ts";
export type { ChromeTraceEvent, Trace, TraceCategory, TraceEvent } from "./trace.ts";
export type { VmstatCounters, VmstatName } from "./vmstat.ts";
