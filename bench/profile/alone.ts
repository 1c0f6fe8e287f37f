// One side of each case that somebody asked for, on this thread, under V8's sampling profiler.
//
// What runs in workers otherwise runs here: a profiler sees one thread. Nothing is compared.

import { type Session as InspectorSession, Session } from "node:inspector/promises";
import type { BenchArguments } from "../arguments.ts";
import { CASES, casesNamed } from "../cases.ts";
import { CONTESTS, contestsNamed } from "../contests/all.ts";
import { GROWTH, growthNamed } from "../growth/cases.ts";
import { measureGrowth } from "../growth/measure.ts";
import { LocalRunner, type Round, type Runner } from "../runner.ts";
import { OURS, SIDES, type SideName } from "../sides/all.ts";
import { figuresOf } from "../statistics.ts";
import type { CpuProfile } from "./hot.ts";

/** Microseconds between two samples. */
const INTERVAL = 200;

export interface ProfileReport {
  readonly name: string;
  /** The median of the runs, with its unit; "" for growth, which has many. */
  readonly figure: string;
  readonly profile: CpuProfile;
}

/** Profiles the rounds of each case, contest and question about growth; proofs are left out. */
export async function* profileAlone(
  { only, size, rounds, profile: side }: BenchArguments & { readonly profile: SideName },
  round: Round,
): AsyncGenerator<ProfileReport, void, void> {
  for (const { name, unit, runner } of runnersOf(only, size, side)) {
    await runner.prove();
    const samples: number[] = [];
    const profile = await profiled(async () => {
      for (let turn = 0; turn < rounds; turn++) samples.push(...(await runner.round(round)));
    });
    await runner.close();
    yield { name, figure: `${figuresOf(samples).median.toFixed(1)} ${unit}`, profile };
  }
  if (side !== OURS) return;
  for (const one of only === null ? GROWTH : growthNamed(only)) {
    const profile = await profiled(async () => void (await measureGrowth(one, size)));
    yield { name: one.name, figure: "", profile };
  }
}

interface Alone {
  readonly name: string;
  readonly unit: string;
  readonly runner: Runner;
}

function runnersOf(only: string | null, size: BenchArguments["size"], side: SideName): Alone[] {
  const cases = (only === null ? CASES : casesNamed(only)).map((one) => ({
    name: one.name,
    unit: one.unit,
    runner: new LocalRunner(one, SIDES[side], size),
  }));
  const contests = (only === null ? CONTESTS : contestsNamed(only)).flatMap((one) =>
    one.contestants
      .filter(({ name }) => name === side)
      .map((found) => ({ name: one.name, unit: one.unit, runner: found.run(one, size) })),
  );
  return [...cases, ...contests];
}

async function profiled(work: () => Promise<void>): Promise<CpuProfile> {
  const session: InspectorSession = new Session();
  session.connect();
  try {
    await session.post("Profiler.enable");
    await session.post("Profiler.setSamplingInterval", { interval: INTERVAL });
    await session.post("Profiler.start");
    await work();
    const { profile } = await session.post("Profiler.stop");
    return profile as CpuProfile;
  } finally {
    session.disconnect();
  }
}
