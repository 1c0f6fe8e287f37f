// Targets as a table: met and missed, for a terminal and for the README.

import { aligned, figure } from "../cells.ts";
import type { BenchReport } from "../report.ts";
import type { TargetReport } from "./target.ts";

export function targetsTable({ targets }: Pick<BenchReport, "targets">): string {
  if (targets.length === 0) return "";
  const rows = targets.map(({ name, want, got, met }) => [name, word(met), want, figure(got)]);
  return aligned([["target", "", "wanted", "got"], ...rows]);
}

export function targetsMarkdown(targets: readonly TargetReport[]): string {
  if (targets.length === 0) return "";
  const rows = targets.map(
    ({ name, want, got, met }) => `| ${name} | ${want} | ${figure(got)} | ${word(met)} |`,
  );
  const head = "| target, × | wanted | got | |\n| --- | --- | ---: | --- |";
  return `${head}\n${rows.join("\n")}\n`;
}

function word(isMet: boolean): string {
  return isMet ? "met" : "missed";
}
