// What `npm run bench -- --json` prints, and what is kept of it.

import { arch, cpus, platform, release, totalmem } from "node:os";
import type { GrowthReport } from "./growth/measure.ts";
import type { TargetReport } from "./targets/target.ts";

/** Where the figures come from. */
export interface MachineReport {
  readonly cpu: string;
  readonly cores: number;
  readonly memoryBytes: number;
  readonly os: string;
  readonly node: string;
  readonly v8: string;
  /** Where the cases ran in a browser: its name and version. Then Node only asked it. */
  readonly browser?: string;
  /** ISO 8601, UTC. */
  readonly date: string;
}

interface SideReport {
  /** In the case's unit. */
  readonly median: number;
  /** First and third quartile of the runs. */
  readonly spread: readonly [number, number];
  /** Of the work that was done; the same on all sides but those that choose other addresses. */
  readonly hash: string;
}

export interface ReferenceReport extends SideReport {
  /** The reference's median over ours: above 1, we are faster. */
  readonly ratio: number;
}

export interface CaseReport extends SideReport {
  readonly name: string;
  readonly question: string;
  readonly unit: string;
  /** Units that we do in a second. */
  readonly perSecond: number;
  readonly references: Readonly<Record<string, ReferenceReport>>;
}

export interface BenchReport {
  readonly machine: MachineReport;
  readonly cases: readonly CaseReport[];
  /** How cost grows with size, ours alone. */
  readonly growth: readonly GrowthReport[];
  /** What was to be reached, of all that was measured. */
  readonly targets: readonly TargetReport[];
}

/** What ran the cases: a version of Node, or a browser. */
export function engineOf({ node, browser }: MachineReport): string {
  return browser ?? `Node ${node}`;
}

export function machineReport(): MachineReport {
  const processors = cpus();
  return {
    cpu: processors[0]?.model.trim() ?? "unknown",
    cores: processors.length,
    memoryBytes: totalmem(),
    os: `${platform()} ${versionOf(release())} ${arch()}`,
    node: process.versions.node,
    v8: process.versions.v8,
    date: new Date().toISOString(),
  };
}

/** The numbers of a release; what a distributor appends says nothing here. */
function versionOf(text: string): string {
  return /^[\d.]+/.exec(text)?.[0] ?? text;
}
