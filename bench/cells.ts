// Figures as people read them, and columns of them for a terminal.

import { rounded } from "./statistics.ts";

const GAP = "  ";

/** Three significant digits, never as a power of ten. */
export function figure(value: number): string {
  if (value >= 100) return Math.round(value).toLocaleString("en-US");
  return String(rounded(value, 3));
}

export function aligned(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, column) =>
    Math.max(...rows.map((row) => row[column]?.length ?? 0)),
  );
  const lines = rows.map((row) =>
    row.map((cell, column) => pad(cell, widths[column] ?? 0, column > 1)).join(GAP),
  );
  return `${lines.map((line) => line.trimEnd()).join("\n")}\n`;
}

function pad(cell: string, width: number, isNumber: boolean): string {
  return isNumber ? cell.padStart(width) : cell.padEnd(width);
}
