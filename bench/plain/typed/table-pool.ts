// Page tables of 512 entries each in one typed array; table 0 stands for "none".
//
// Invariants
//   T1  A table in the pool of free ones is all zero.
//   T2  `used` counts the entries of a leaf that are not zero; upper tables are not counted.

export const ENTRIES = 512;

const TABLES_FIRST = 64;

export class TablePool {
  entries = new Int32Array(TABLES_FIRST * ENTRIES);
  used = new Int32Array(TABLES_FIRST);
  readonly #free: number[] = [];
  #made = 1;

  take(): number {
    const free = this.#free.pop();
    if (free !== undefined) return free;
    if (this.#made === this.used.length) this.#grow();
    const table = this.#made;
    this.#made++;
    return table;
  }

  /** Takes back a table whose entries are all zero. */
  give(table: number): void {
    this.#free.push(table);
  }

  /** Takes back a table, whatever is in it. */
  wipe(table: number): void {
    this.entries.fill(0, table * ENTRIES, (table + 1) * ENTRIES);
    this.used[table] = 0;
    this.#free.push(table);
  }

  #grow(): void {
    const entries = new Int32Array(this.entries.length * 2);
    entries.set(this.entries);
    this.entries = entries;
    const used = new Int32Array(this.used.length * 2);
    used.set(this.used);
    this.used = used;
  }
}
