// Medians and their spread.

export interface Figures {
  readonly median: number;
  /** First and third quartile. */
  readonly spread: readonly [number, number];
}

/** Figures of samples in any order; there is at least one. */
export function figuresOf(samples: readonly number[]): Figures {
  const sorted = Float64Array.from(samples).sort();
  return {
    median: quantile(sorted, 0.5),
    spread: [quantile(sorted, 0.25), quantile(sorted, 0.75)],
  };
}

function quantile(sorted: Float64Array, share: number): number {
  const position = (sorted.length - 1) * share;
  const below = sorted[Math.floor(position)] ?? Number.NaN;
  const above = sorted[Math.ceil(position)] ?? Number.NaN;
  return below + (above - below) * (position - Math.floor(position));
}

/** Keeps so many significant digits: more would be noise. */
export function rounded(value: number, digits = 4): number {
  return Number(value.toPrecision(digits));
}
