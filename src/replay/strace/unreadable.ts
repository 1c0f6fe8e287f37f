/** A line that cannot be made an operation of, and what kind of line that is. */
export class Unreadable extends Error {
  override readonly name = "Unreadable";
  /** In words, the same for all lines that are alike: what the report counts by. */
  readonly kind: string;

  constructor(kind: string) {
    super(kind);
    this.kind = kind;
  }
}

/** An operation on memory that is understood, and that the replayer does not have. */
export class NotModelled extends Unreadable {}
