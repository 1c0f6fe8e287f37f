// Aligned columns: the first to the left, the others to the right.

export type Row = readonly string[];

const GAP = "  ";

/** The rows as lines; every column is as wide as its widest cell. */
export function table(rows: readonly Row[]): string {
  const widths: number[] = [];
  for (const row of rows) {
    for (const [index, cell] of row.entries()) {
      widths[index] = Math.max(widths[index] ?? 0, cell.length);
    }
  }
  return rows.map((row) => line(row, widths)).join("\n");
}

function line(row: Row, widths: readonly number[]): string {
  const cells = row.map((cell, index) => {
    const width = widths[index] ?? 0;
    return index === 0 ? cell.padEnd(width) : cell.padStart(width);
  });
  return cells.join(GAP).trimEnd();
}

const WHOLE = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });
const SHORT = new Intl.NumberFormat("en", { minimumFractionDigits: 2, maximumFractionDigits: 2 });

/** A count: 12,345. */
export function count(value: number): string {
  return WHOLE.format(value);
}

/** A duration: 1.25 s. */
export function seconds(value: number): string {
  return `${SHORT.format(value)} s`;
}
