// A side that is not JavaScript: a process of its own, asked over its stdin, answering on stdout.
//
//   prove            →  proof UNITS OUTCOME
//   round RUNS MS    →  samples NS NS …        nanoseconds of a run, one for each
//   (end of input)   →  it ends
//
// The clock is read in the process, so that neither the pipe nor this program is in a figure.

import { type ChildProcessWithoutNullStreams, execFileSync, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { BenchCase, Size } from "./case.ts";
import { ROOT } from "./root.ts";
import { CannotTakePart, type Proof, type Round, type Runner } from "./runner.ts";

/** Programs under build/bench/native, by the name of their side. */
export const NATIVE_SIDES = ["kernel", "c"] as const;

export type NativeSide = (typeof NATIVE_SIDES)[number];

export function programOf(side: NativeSide): string {
  return join(ROOT, "build/bench/native", side);
}

/** The cases that a side's program knows; none where it was not built. */
export function nativeCases(side: NativeSide): readonly string[] {
  const program = programOf(side);
  if (!existsSync(program)) return [];
  return execFileSync(program, { encoding: "utf8" }).trim().split("\n");
}

/** The native sides that take part in a case, with their runners. */
export function nativeRunners(one: BenchCase, size: Size): Map<NativeSide, Runner> {
  const { native } = one;
  if (native === undefined) return new Map();
  const sides = NATIVE_SIDES.filter((side) => nativeCases(side).includes(one.name));
  return new Map(
    sides.map((side) => [side, new NativeRunner(programOf(side), one.name, native(size))]),
  );
}

type Arguments = readonly (number | string)[];

export class NativeRunner implements Runner {
  readonly #program: string;
  readonly #caseName: string;
  readonly #args: Arguments | Promise<Arguments>;
  #process: Process | null = null;
  #units = 1;

  constructor(program: string, caseName: string, args: Arguments | Promise<Arguments>) {
    this.#program = program;
    this.#caseName = caseName;
    this.#args = args;
  }

  async prove(): Promise<Proof> {
    this.#process = new Process(this.#program, [this.#caseName, ...(await this.#args).map(String)]);
    const [units, outcome = ""] = await this.#firstAnswer(this.#process);
    this.#units = Number(units);
    return { hash: null, outcome, units: this.#units };
  }

  /** What a host does not allow, it refuses at the first attempt. */
  async #firstAnswer(program: Process): Promise<string[]> {
    try {
      return await program.ask("prove", "proof");
    } catch (error) {
      throw new CannotTakePart(error instanceof Error ? error.message : String(error));
    }
  }

  async round({ runs, milliseconds }: Round): Promise<number[]> {
    const samples = (await this.#process?.ask(`round ${runs} ${milliseconds}`, "samples")) ?? [];
    return samples.map((sample) => Number(sample) / this.#units);
  }

  async close(): Promise<void> {
    this.#process?.end();
  }
}

/** A program that is running: a line for a line. */
class Process {
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #lines: AsyncIterator<string>;
  #complaint = "";

  constructor(program: string, args: readonly string[]) {
    this.#child = spawn(program, args);
    this.#lines = createInterface(this.#child.stdout)[Symbol.asyncIterator]();
    this.#child.stderr.setEncoding("utf8").on("data", (text) => {
      this.#complaint += text;
    });
    // A program that has ended is noticed by its silence.
    this.#child.stdin.on("error", () => {});
  }

  /** What follows the word that the answer begins with. */
  async ask(request: string, answer: string): Promise<string[]> {
    this.#child.stdin.write(`${request}\n`);
    const { value, done } = await this.#lines.next();
    const [word, ...values] = done === true ? [] : value.split(" ");
    if (word === answer) return values;
    throw new Error(`${this.#child.spawnfile}: no answer to "${request}": ${this.#complaint}`);
  }

  end(): void {
    this.#child.stdin.end();
  }
}
