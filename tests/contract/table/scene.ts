// An operation of the table in docs/operations.md, done where the recorder holds and watches all.

import { expect } from "vitest";
import type { Mm } from "../../../src/mm.ts";
import type { Booted } from "../../support/boot.ts";
import { type Heard, Recorder } from "./recorder.ts";

/** Runs the operation of a row, and answers with what was heard. */
export type Scene = () => Promise<Heard>;

/** A machine, and the address spaces besides `mm` that the recorder holds. */
type Stage = Booted & { readonly other?: Mm };

export function scene<T extends Stage>(set: () => T, operate: (stage: T) => unknown): Scene {
  return async () => {
    const stage = set();
    const recorder = new Recorder(stage);
    recorder.hold(stage.mm);
    if (stage.other !== undefined) recorder.hold(stage.other);
    recorder.begin();
    await operate(stage);
    expect(stage.machine.check()).toBe(0);
    expect(stage.reports).toEqual([]);
    return recorder.heard;
  };
}

/** Does what is refused with EINVAL. */
export async function refused(...attempts: (() => Promise<unknown>)[]): Promise<void> {
  for (const attempt of attempts) {
    await expect(attempt()).rejects.toMatchObject({ code: "EINVAL" });
  }
}
