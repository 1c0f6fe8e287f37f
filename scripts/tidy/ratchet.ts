// Old exceptions may stay but not grow: `ratchet.json` counts them by "rule path".
//
// A count that is higher than what is found is itself an error, so that the list only shrinks.

import { readFileSync } from "node:fs";
import type { Violation } from "./source.ts";

const FILE = new URL("./ratchet.json", import.meta.url);

/** What is left to complain about, one line each. */
export function afterRatchet(violations: readonly Violation[]): string[] {
  const allowed: Record<string, number> = JSON.parse(readFileSync(FILE, "utf8"));
  const groups = new Map<string, Violation[]>();
  for (const violation of violations) {
    const key = `${violation.rule} ${violation.path}`;
    groups.set(key, [...(groups.get(key) ?? []), violation]);
  }
  const grown = [...groups].filter(([key, found]) => found.length > (allowed[key] ?? 0));
  const shrunk = Object.entries(allowed).filter(
    ([key, count]) => (groups.get(key)?.length ?? 0) < count,
  );
  return [
    ...grown.flatMap(([, found]) => found.map(describe)),
    ...shrunk.map(([key, count]) => `ratchet.json: "${key}" is below ${count} now, lower it`),
  ];
}

function describe({ rule, path, line, what }: Violation): string {
  return `${path}:${line} ${rule}: ${what}`;
}
