// Every benchmark, in the order in which they are run and shown.

import { areasCases } from "./areas.bench.ts";
import type { BenchCase } from "./case.ts";
import { changes } from "./changes.bench.ts";
import { cow } from "./cow.bench.ts";
import { fault, faultPopulate, faultRecycled } from "./fault.bench.ts";
import { forkExit } from "./fork-exit.bench.ts";
import { mapUnmap } from "./map-unmap.bench.ts";
import { mprotect } from "./mprotect.bench.ts";
import { mremap } from "./mremap.bench.ts";
import { munmap } from "./munmap.bench.ts";
import { recordingCase } from "./recording.bench.ts";
import { remoteRead } from "./remote-read.bench.ts";
import { rmapCases } from "./rmap.bench.ts";
import { rmapUnmapCases } from "./rmap-unmap.bench.ts";
import { translate } from "./translate.bench.ts";

export const CASES: readonly BenchCase[] = [
  fault,
  faultRecycled,
  faultPopulate,
  mapUnmap,
  ...areasCases,
  munmap,
  mprotect,
  mremap,
  forkExit,
  cow,
  translate,
  remoteRead,
  ...rmapCases,
  ...rmapUnmapCases,
  changes,
  recordingCase("private-1"),
  recordingCase("fork-1"),
];

/** The case of that name; where there is none, those whose names begin with it and a hyphen. */
export function casesNamed(name: string): BenchCase[] {
  const exact = CASES.filter((one) => one.name === name);
  return exact.length > 0 ? exact : CASES.filter((one) => one.name.startsWith(`${name}-`));
}

export function caseNamed(name: string): BenchCase {
  const found = CASES.find((one) => one.name === name);
  if (found === undefined) throw new RangeError(`there is no case "${name}"`);
  return found;
}
