// Reports that are kept; the README's table, which is made of the newest; the page of all of them.

import { existsSync } from "node:fs";
import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type BenchReport, engineOf } from "./report.ts";
import { ROOT } from "./root.ts";
import { markdownTable } from "./table.ts";

const FOLDER = join(ROOT, "bench/results");
const PAGE = join(FOLDER, "index.html");
const README = join(ROOT, "README.md");
const TABLE = /(<!-- bench:begin -->\n)[\s\S]*?(<!-- bench:end -->)/;

/** Keeps a report: a file a day and version of Node, or of a browser. Its path in the tree. */
export async function saveReport(report: BenchReport): Promise<string> {
  const { machine } = report;
  const engine = engineOf(machine).toLowerCase().replaceAll(" ", "-");
  const name = `${machine.date.slice(0, 10)}-${engine}.json`;
  await writeFile(join(FOLDER, name), jsonText(report));
  await writeFile(PAGE, await pageOfKept());
  if (existsSync(README)) {
    const newest = (await newestReport()) ?? report;
    await writeFile(README, withTable(await readFile(README, "utf8"), newest));
  }
  return `bench/results/${name}`;
}

/** As the house's formatter has it: a pair of numbers is on one line. */
export function jsonText(report: BenchReport): string {
  const text = JSON.stringify(report, null, 2);
  return `${text.replace(/\[\s+([\d.]+),\s+([\d.]+)\s+\]/g, "[$1, $2]")}\n`;
}

/** The newest report of Node that is kept, or null. */
export async function newestReport(): Promise<BenchReport | null> {
  return (await keptReports()).find(({ machine }) => machine.browser === undefined) ?? null;
}

/** All reports that are kept, the newest first. */
export async function keptReports(): Promise<BenchReport[]> {
  const names = (await readdir(FOLDER)).filter((name) => name.endsWith(".json")).sort();
  return Promise.all(names.reverse().map(readReport));
}

/** The page of plots. What draws it is loaded only here: no worker needs it. */
export async function pageOfKept(): Promise<string> {
  const { pageOf } = await import("./plots/page.ts");
  return pageOf(await keptReports());
}

async function readReport(name: string): Promise<BenchReport> {
  const kept = JSON.parse(await readFile(join(FOLDER, name), "utf8"));
  // Reports of before growth was measured, and before there were targets, have none.
  return { growth: [], targets: [], ...kept } as BenchReport;
}

/** A text with the table of a report between its markers; without markers, the text as it is. */
export function withTable(text: string, report: BenchReport): string {
  return text.replace(TABLE, (_, begin, end) => `${begin}\n${markdownTable(report)}\n${end}`);
}
