// The benchmarks' entry: the command line on the main thread, one side of a case in a worker.
//
// Exit codes: 0 done; 1 a case's sides did different work, or it has become slower than in the
// report that it is compared with; 2 a wrong argument.

import { isMainThread } from "node:worker_threads";
import { changesSince, changesTable, isWorse, readReport } from "./against.ts";
import { type BenchArguments, readArguments, USAGE, UsageError } from "./arguments.ts";
import { ROUND, runBench } from "./bench.ts";
import { profileAlone } from "./profile/alone.ts";
import { hotFunctions, hotTable } from "./profile/hot.ts";
import { keepProfile } from "./profile/keep.ts";
import { RemoteRunner, serve } from "./remote-runner.ts";
import type { BenchReport } from "./report.ts";
import { saveReport } from "./results.ts";
import type { SideName } from "./sides/all.ts";
import { growthTable, textTable } from "./table.ts";
import { targetsTable } from "./targets/table.ts";

async function main(args: readonly string[]): Promise<number> {
  const asked = readArguments(args);
  if (asked.profile !== null) {
    return profile(asked, asked.profile);
  }
  const earlier = asked.compare === null ? null : await readReport(asked.compare);
  const script = new URL(import.meta.url);
  const { report, refused } = asked.chromium
    ? await (await import("./chromium/run.ts")).runInChromium(asked, say)
    : await runBench(
        asked,
        (one, side) => new RemoteRunner(script, { caseName: one.name, side, size: asked.size }),
        say,
        (one, side) =>
          new RemoteRunner(script, { caseName: one.name, side: side.name, size: asked.size }),
      );
  if (asked.save && refused.length === 0) say(`kept as ${await saveReport(report)}`);
  process.stdout.write(asked.json ? `${JSON.stringify(report)}\n` : tables(report));
  const changes = earlier === null ? [] : changesSince(earlier, report, asked.size === "full");
  if (earlier !== null) (asked.json ? process.stderr : process.stdout).write(changesTable(changes));
  return refused.length === 0 && !changes.some(isWorse) ? 0 : 1;
}

/** A table for each case on stdout, and what a profiler's window opens beside. */
async function profile(asked: BenchArguments, side: SideName): Promise<number> {
  for await (const found of profileAlone({ ...asked, profile: side }, ROUND[asked.size])) {
    say(`${found.name}: ${found.figure}`);
    const path = await keepProfile(`${found.name}-${side}`, found.profile);
    process.stdout.write(`${hotTable(hotFunctions(found.profile))}\n${path}\n`);
  }
  return 0;
}

function tables(report: BenchReport): string {
  const all = [textTable(report), growthTable(report), targetsTable(report)];
  return all.filter((text) => text !== "").join("\n");
}

function say(text: string): void {
  process.stderr.write(`bench: ${text}\n`);
}

if (isMainThread) {
  try {
    process.exitCode = await main(process.argv.slice(2));
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    process.stderr.write(`bench: ${error.message}\n\n${USAGE}`);
    process.exitCode = 2;
  }
} else {
  serve();
}
