#!/usr/bin/env node
// The command line: `pagebell VERB …`, and the verbs of package.json.
//
// Exit codes: 0 done, 1 the engine disagrees with the kernel or missed a notice, 2 a bad file or
// bad arguments, 70 a failure of the program itself.
//
// Invariants
//   L5  With --json there is one JSON object on stdout and nothing else.

import { readFileSync } from "node:fs";
import { Command, CommanderError, Option } from "commander";
import { RecordingError } from "../replay/recording.ts";
import { runBench } from "./bench.ts";
import { runConformance } from "./conformance.ts";
import { ExitCode } from "./exit-code.ts";
import { type ReplayCommandOptions, runReplay } from "./replay.ts";
import { runStart } from "./start.ts";

/** What the package has beside this file, wherever it is installed. */
const beside = (path: string) => new URL(path, import.meta.url);
const RECORDINGS = beside("../recordings/");
const BENCH = beside("../../build/bench/main.js");
const MANIFEST = beside("../../package.json");

function version(): string {
  const manifest = JSON.parse(readFileSync(MANIFEST, "utf8")) as { version: string };
  return manifest.version;
}

function commands(finish: (code: ExitCode) => void): Command {
  const program = new Command("pagebell")
    .description("A memory manager in WebAssembly that rings before a page goes away.")
    .version(version())
    .exitOverride();
  program
    .command("start")
    .description("replay the bundled recordings of real programs, and report")
    .option("--json", "print one JSON object")
    .action(async (options: { json?: true }) => finish(await runStart(RECORDINGS, options)));
  program
    .command("conformance")
    .description("check recordings of a kernel against the engine")
    .argument("<file...>", "recordings, .jsonl or .jsonl.gz")
    .option("--json", "print one JSON object")
    .action(async (files: string[], options: { json?: true }) =>
      finish(await runConformance(files, options)),
    );
  program
    .command("replay")
    .description("replay one recording or strace log, and say what happened")
    .argument("<file>", "a recording, or a log of strace -f; packed with gzip or not; - is stdin")
    .option("--json", "print one JSON object")
    .addOption(
      new Option("--touch <pages>", "of an strace log: what its programs do with what they map")
        .choices(["none", "read", "write"])
        .default("none"),
    )
    .option("--trace <file>", "write a trace that Chrome and Perfetto can open")
    .action(async (file: string, options: ReplayCommandOptions) =>
      finish(await runReplay(file, options)),
    );
  program
    .command("bench")
    .description("measure the engine beside its references (in the source tree only)")
    .allowUnknownOption()
    .helpOption(false)
    .argument("[arguments...]")
    .action(async (args: string[]) => finish(await runBench(BENCH, args)));
  return program;
}

async function main(args: readonly string[]): Promise<ExitCode> {
  let code: ExitCode = ExitCode.Done;
  const program = commands((verdict) => {
    code = verdict;
  });
  try {
    await program.parseAsync(args, { from: "user" });
    return code;
  } catch (error) {
    return explain(error);
  }
}

/** Says on stderr what is wrong; commander has said it already. */
function explain(error: unknown): ExitCode {
  if (error instanceof CommanderError) {
    return error.exitCode === 0 ? ExitCode.Done : ExitCode.BadInput;
  }
  if (error instanceof RecordingError) {
    console.error(`pagebell: ${error.message}`);
    return ExitCode.BadInput;
  }
  console.error("pagebell: this is a bug:", error);
  return ExitCode.Bug;
}

process.exitCode = await main(process.argv.slice(2));
