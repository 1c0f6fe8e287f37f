// A pair in turns, on this thread.
//
// Invariants
//   P1  The ratio is the median of the turns' ratios, not the ratio of the medians.
//   P2  Every run of a work gives the checksum of its first.

import type { Size } from "../case.ts";
import { Digest } from "../digest.ts";
import type { CaseReport } from "../report.ts";
import { figuresOf, rounded } from "../statistics.ts";
import type { Pair, PairFigures, PairWork } from "./pair.ts";

const TURNS: Readonly<Record<Size, { readonly warmups: number; readonly turns: number }>> = {
  test: { warmups: 0, turns: 1 },
  full: { warmups: 40, turns: 200 },
};

const NS_A_MILLISECOND = 1e6;
const NS_A_SECOND = 1e9;

export async function measurePair(pair: Pair, size: Size): Promise<CaseReport> {
  const { works, figures } = await pair.prepare(size);
  const { warmups, turns } = TURNS[size];
  const checksums: number[] = [];
  for (const work of works) {
    work.setup();
    checksums.push(await work.run());
  }
  const found: PairFigures[] = [];
  for (let turn = 0; turn < warmups + turns; turn++) {
    if (turn === warmups) globalThis.gc?.();
    const times = await turnOf(pair, works, checksums, turn);
    if (turn >= warmups) found.push(figures(times));
  }
  const digest = new Digest();
  digest.add(...checksums);
  return reportOf(pair, found, digest.hex);
}

/** Nanoseconds of each work, beginning with another one each turn. */
async function turnOf(
  pair: Pair,
  works: readonly PairWork[],
  checksums: readonly number[],
  turn: number,
): Promise<number[]> {
  const times: number[] = [];
  for (let step = 0; step < works.length; step++) {
    const index = (turn + step) % works.length;
    const work = works[index] as PairWork;
    work.setup();
    const start = performance.now();
    const answer = work.run();
    const checksum = typeof answer === "number" ? answer : await answer;
    times[index] = (performance.now() - start) * NS_A_MILLISECOND;
    if (checksum !== checksums[index]) throw new Error(`${pair.name}: a run did other work`);
  }
  return times;
}

function reportOf(pair: Pair, found: readonly PairFigures[], hash: string): CaseReport {
  const ours = sideOf(found.map((figures) => figures.ours));
  const theirs = sideOf(found.map((figures) => figures.theirs));
  const ratio = figuresOf(found.map((figures) => figures.theirs / figures.ours)).median;
  return {
    name: pair.name,
    question: pair.question,
    unit: pair.unit,
    ...ours,
    hash,
    perSecond: Math.round(NS_A_SECOND / ours.median),
    references: { [pair.reference]: { ...theirs, hash, ratio: rounded(ratio) } },
  };
}

function sideOf(samples: readonly number[]) {
  const { median, spread } = figuresOf(samples);
  const [first, third] = spread;
  return { median: rounded(median), spread: [rounded(first), rounded(third)] as const };
}
