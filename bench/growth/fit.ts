// The power by which a cost grows: least squares over logarithms.

export interface Point {
  readonly size: number;
  /** Nanoseconds of one run. */
  readonly median: number;
}

/** The exponent of the line through (log size, log cost): 1 is linear, 0 is flat. */
export function exponentOf(points: readonly Point[]): number {
  const xs = points.map(({ size }) => Math.log(size));
  const ys = points.map(({ median }) => Math.log(median));
  const [mx, my] = [mean(xs), mean(ys)];
  let above = 0;
  let below = 0;
  for (const [i, x] of xs.entries()) {
    above += (x - mx) * ((ys[i] as number) - my);
    below += (x - mx) ** 2;
  }
  return above / below;
}

/** The cost of one more: the slope of the line through the smallest and the largest, ns. */
export function slopeOf(points: readonly Point[]): number {
  const [first, last] = [points[0], points.at(-1)];
  if (first === undefined || last === undefined || first === last) return Number.NaN;
  return (last.median - first.median) / (last.size - first.size);
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
