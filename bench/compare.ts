// A case on all its sides, in turns: whatever the machine does meanwhile, it does to all of them.
//
// Invariants
//   C1  No figure of a case is given unless every side has the same hash, or, where it chooses
//       addresses of its own, the same outcome.
//   C2  Each round times every side once, beginning with another one each time.

import type { Question } from "./case.ts";
import type { CaseReport, ReferenceReport } from "./report.ts";
import { CannotTakePart, type Proof, type Round, type Runner } from "./runner.ts";
import { OURS } from "./sides/all.ts";
import { figuresOf, rounded } from "./statistics.ts";

/** How often and how long. */
export interface Plan extends Round {
  readonly warmups: number;
  readonly rounds: number;
}

/** The sides of a case; ours is one of them. */
export type Runners = ReadonlyMap<string, Runner>;

/** Two sides did not do the same, so that their times say nothing. */
export class HashMismatch extends Error {
  override readonly name = "HashMismatch";

  constructor(one: Question, proofs: ReadonlyMap<string, Proof>) {
    const found = [...proofs].map(([side, proof]) => `${side} ${proofText(proof)}`).join(", ");
    super(`${one.name}: the sides did different work: ${found}`);
  }
}

/** Times a case. Throws HashMismatch; closes the runners whatever happens. */
export async function compare(one: Question, runners: Runners, plan: Plan): Promise<CaseReport> {
  try {
    const proofs = await proveAll(one, runners);
    const proven = provenOf(runners, proofs);
    for (let round = 0; round < plan.warmups; round++) await timeAll(proven, plan, round);
    const samples = new Map<string, number[]>();
    for (let round = 0; round < plan.rounds; round++) {
      for (const [side, found] of await timeAll(proven, plan, round)) {
        samples.set(side, [...(samples.get(side) ?? []), ...found]);
      }
    }
    return reportOf(one, proofs, samples);
  } finally {
    for (const runner of runners.values()) await runner.close();
  }
}

async function proveAll(one: Question, runners: Runners): Promise<Map<string, Proof>> {
  const proofs = new Map<string, Proof>();
  for (const [side, runner] of runners) {
    const proof = await proofOf(one.name, side, runner);
    if (proof !== null) proofs.set(side, proof);
  }
  const all = [...proofs.values()];
  const isOne = (values: (string | number | null)[]) =>
    new Set(values.filter((value) => value !== null)).size <= 1;
  const isSame =
    isOne(all.map(({ hash }) => hash)) &&
    isOne(all.map(({ outcome }) => outcome)) &&
    isOne(all.map(({ units }) => units));
  if (!isSame) throw new HashMismatch(one, proofs);
  return proofs;
}

/** Null from a side that cannot take part, which is said. */
async function proofOf(name: string, side: string, runner: Runner): Promise<Proof | null> {
  try {
    return await runner.prove();
  } catch (error) {
    if (!(error instanceof CannotTakePart)) throw error;
    process.emitWarning(`${name}: without ${side}: ${error.message}`);
    return null;
  }
}

/** Those that have proved what they do. */
function provenOf(runners: Runners, proofs: ReadonlyMap<string, Proof>): Runners {
  return new Map([...runners].filter(([side]) => proofs.has(side)));
}

function proofText({ hash, outcome }: Proof): string {
  return [hash, outcome].filter((text) => text !== null).join("/");
}

async function timeAll(
  runners: Runners,
  plan: Plan,
  round: number,
): Promise<Map<string, number[]>> {
  const sides = [...runners];
  const found = new Map<string, number[]>();
  for (let turn = 0; turn < sides.length; turn++) {
    const next = sides[(round + turn) % sides.length];
    if (next === undefined) continue;
    const [side, runner] = next;
    found.set(side, await runner.round(plan));
  }
  return found;
}

const NS_A_SECOND = 1e9;

function reportOf(
  one: Question,
  proofs: ReadonlyMap<string, Proof>,
  samples: ReadonlyMap<string, readonly number[]>,
): CaseReport {
  const ours = sideReport(OURS, proofs, samples);
  const references: Record<string, ReferenceReport> = {};
  for (const side of proofs.keys()) {
    if (side === OURS) continue;
    const theirs = sideReport(side, proofs, samples);
    references[side] = { ...theirs, ratio: rounded(theirs.median / ours.median) };
  }
  return {
    name: one.name,
    question: one.question,
    unit: one.unit,
    ...ours,
    perSecond: Math.round(NS_A_SECOND / ours.median),
    references,
  };
}

function sideReport(
  side: string,
  proofs: ReadonlyMap<string, Proof>,
  samples: ReadonlyMap<string, readonly number[]>,
) {
  const { median, spread } = figuresOf(samples.get(side) ?? []);
  return {
    median: rounded(median),
    spread: [rounded(spread[0]), rounded(spread[1])] as const,
    hash: hashOf(proofs.get(side)),
  };
}

/** What a side proved: the hash, or where it has none, the outcome. */
function hashOf(proof: Proof | undefined): string {
  return proof?.hash ?? proof?.outcome ?? "";
}
