// Numbers that look random and are the same for the same seed (xorshift32).
//
// The seed is SEED of the environment, or the clock; a test that uses it has it in its name.

/** From as-pect.config.js. */
declare function seed(): f64;

/** The seed of this run. */
export const SEED: u32 = <u32>seed();

let state: u32 = 1;

/** Begins the series that belongs to the seed. */
export function randomReset(): void {
  state = SEED * 2654435761 + 1;
  if (state == 0) state = 1;
}

/** @returns a number from 0 up to, not including, `limit`. */
export function below(limit: u32): u32 {
  state ^= state << 13;
  state ^= state >>> 17;
  state ^= state << 5;
  return state % limit;
}

/** @returns `sentence`, with the seed that replays it. */
export function seeded(sentence: string): string {
  return `${sentence} (SEED=${SEED.toString()})`;
}
