// A growth case at all its sizes, in turns: what else the machine does hits every size alike.
//
// The reference of a figure is the same work at the smallest size: a curve needs no other side.

import { measure } from "mitata";
import { createMachineSync } from "../../src/sync.ts";
import type { Size } from "../case.ts";
import { ONE_RUN_A_SAMPLE, setupBefore } from "../runner.ts";
import { figuresOf, rounded } from "../statistics.ts";
import type { GrowthCase, GrowthWork } from "./case.ts";
import { exponentOf, slopeOf } from "./fit.ts";

/** One mapping may promise any reserve. */
const OVERCOMMIT = 2 ** 47;

export interface GrowthPoint {
  readonly size: number;
  /** Nanoseconds of one run. */
  readonly median: number;
  readonly spread: readonly [number, number];
}

export interface GrowthReport {
  readonly name: string;
  readonly question: string;
  readonly of: string;
  readonly wanted: 0 | 1;
  readonly points: readonly GrowthPoint[];
  /** Of the line through the logarithms of the largest sizes: 1 is linear, 0 flat. */
  readonly exponent: number;
  /** What one more costs, ns, from the smallest size to the largest. */
  readonly slope: number;
  /** The largest median over the smallest. */
  readonly ratio: number;
}

/** Points that the power is fitted to: at small sizes what is constant outweighs it. */
const LAST_POINTS = 3;

interface Round {
  readonly warmups: number;
  readonly rounds: number;
  readonly milliseconds: number;
}

const ROUND: Readonly<Record<Size, Round>> = {
  test: { warmups: 0, rounds: 1, milliseconds: 0 },
  full: { warmups: 2, rounds: 7, milliseconds: 20 },
};

export async function measureGrowth(one: GrowthCase, size: Size): Promise<GrowthReport> {
  const { warmups, rounds, milliseconds } = ROUND[size];
  const works = one.sizes[size].map((at) => ({
    at,
    work: workOf(one, at),
    samples: [] as number[],
  }));
  for (let round = 0; round < warmups + rounds; round++) {
    for (const { work, samples } of turned(works, round)) {
      const found = await timed(work, milliseconds);
      if (round >= warmups) samples.push(...found);
    }
  }
  return reportOf(
    one,
    works.map(({ at, samples }) => ({ size: at, ...figuresOf(samples) })),
  );
}

function workOf(one: GrowthCase, size: number): GrowthWork {
  const machine = createMachineSync({ memory: one.memory(size), overcommit: OVERCOMMIT });
  return one.prepare(machine, size);
}

/** All of a list, beginning with another one each time. */
function turned<T>(list: readonly T[], round: number): T[] {
  const first = round % list.length;
  return [...list.slice(first), ...list.slice(0, first)];
}

async function timed(work: GrowthWork, milliseconds: number): Promise<number[]> {
  const timedRun = () => void work.run();
  const { samples } = await measure(timedRun, {
    ...setupBefore(work),
    ...ONE_RUN_A_SAMPLE,
    gc: globalThis.gc ?? false,
    min_samples: 1,
    min_cpu_time: milliseconds * 1e6,
  });
  return samples;
}

function reportOf(one: GrowthCase, points: readonly GrowthPoint[]): GrowthReport {
  const medians = points.map(({ median }) => median);
  return {
    name: one.name,
    question: one.question,
    of: one.of,
    wanted: one.wanted,
    points: points.map(({ size, median, spread }) => ({
      size,
      median: rounded(median),
      spread: [rounded(spread[0]), rounded(spread[1])],
    })),
    exponent: rounded(exponentOf(points.slice(-LAST_POINTS)), 2),
    slope: rounded(slopeOf(points), 3),
    ratio: rounded(Math.max(...medians) / Math.min(...medians), 3),
  };
}
