// Two things whose difference is small: they are timed in one thread, turn by turn, and compared
// turn by turn, so that what drifts between two turns is in no figure.

/** What is timed in a turn. */
export interface PairWork {
  /** Before each run, not timed. */
  setup(): void;
  /** Returns a checksum, the same each time. */
  run(): number | Promise<number>;
}

/** What one turn says: in the pair's unit. */
export interface PairFigures {
  readonly ours: number;
  readonly theirs: number;
}

export interface PreparedPair {
  /** All of them take their turn. */
  readonly works: readonly PairWork[];
  /** Makes figures of a turn: nanoseconds of each work, in their order. */
  figures(times: readonly number[]): PairFigures;
}

export interface Pair {
  readonly name: string;
  readonly question: string;
  readonly unit: string;
  /** What ours is beside. */
  readonly reference: string;
  prepare(size: "test" | "full"): Promise<PreparedPair>;
}
