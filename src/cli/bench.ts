// `pagebell bench`: the benchmarks are no part of the package, only of the source tree.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { ExitCode } from "./exit-code.ts";

/** Runs the benchmarks that are built at `script`; their exit code. */
export async function runBench(script: URL, args: readonly string[]): Promise<ExitCode> {
  if (!existsSync(script)) {
    console.error("pagebell: the benchmarks are in the source tree only: npm run bench");
    return ExitCode.BadInput;
  }
  const child = spawn(process.execPath, ["--expose-gc", fileURLToPath(script), ...args], {
    stdio: "inherit",
  });
  const [code] = (await once(child, "exit")) as [number | null];
  return code ?? ExitCode.Bug;
}
