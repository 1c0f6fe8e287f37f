// The table of docs/operations.md: each row is carried out, each cell compared with what is heard,
// each test that it names looked for.

import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { CALLBACKS } from "../../src/notifier/ops.ts";
import {
  Device,
  ExportNotifiers,
  File,
  Group,
  Machine,
  Mm,
  Pin,
  Subscriber,
} from "../../src/public.ts";
import { ACCESSES } from "./table/accesses.ts";
import { citationsOf, missingIn } from "./table/citations.ts";
import { FRAMES } from "./table/frames.ts";
import { HUGE_PAGES } from "./table/huge.ts";
import type { Heard } from "./table/recorder.ts";
import type { Scene } from "./table/scene.ts";
import { SPACES } from "./table/spaces.ts";

interface Row {
  readonly name: string;
  readonly cells: readonly string[];
  readonly tests: string;
}

const SCENES: Readonly<Record<string, Scene>> = {
  ...SPACES,
  ...ACCESSES,
  ...HUGE_PAGES,
  ...FRAMES,
};

/** The objects that a user holds and calls. */
const OBJECTS = [Machine, Mm, File, Subscriber, ExportNotifiers, Device, Pin, Group];
/** What stands apart: a view for a callback, and what the machine alone calls. */
const APART = ["constructor", "within", "id"];

const text = readFileSync(new URL("../../docs/operations.md", import.meta.url), "utf8");
const abi = readFileSync(new URL("../../assembly/abi.ts", import.meta.url), "utf8");

/** The cells of each line of the tables whose header has `columns` columns, `first` the first. */
function tableOf(first: string, columns: number): string[][] {
  const rows: string[][] = [];
  let isIn = false;
  for (const line of text.split("\n")) {
    const cells = line.startsWith("|") ? line.slice(2, -2).split(" | ") : [];
    if (cells.length !== columns) isIn = false;
    else if (cells[0] === first) isIn = true;
    else if (isIn && !line.startsWith("| ---")) rows.push(cells);
  }
  return rows;
}

const rows: readonly Row[] = tableOf("operation", CALLBACKS.length + 2).map((cells) => ({
  name: (cells[0] ?? "").replaceAll("`", ""),
  cells: cells.slice(1, -1),
  tests: cells.at(-1) ?? "",
}));
const dashes = tableOf("dash", 2).map(([dash = ""]) => dash);

/** A cell without the letter that says why it is empty. */
function sayingOf(cell: string): string {
  return cell.startsWith("—") ? "—" : cell;
}

/** Methods, inherited ones too, sync forms by the name of the async one. */
function methodsOf(prototype: object | null): string[] {
  if (prototype === null || prototype === Object.prototype) return [];
  const own = Object.entries(Object.getOwnPropertyDescriptors(prototype)).flatMap(
    ([name, { value }]) => (typeof value === "function" ? [name.replace(/Sync$/, "")] : []),
  );
  const names = [...own, ...methodsOf(Object.getPrototypeOf(prototype))];
  return names.filter((name) => !APART.includes(name));
}

function membersOf(name: string): string[] {
  const [, body = ""] = new RegExp(`enum ${name} \\{([^}]*)\\}`).exec(abi) ?? [];
  return [...body.matchAll(/^ {2}(\w+)/gm)].map(([, member = ""]) => member);
}

describe("the table", () => {
  test("has a row for each scene, and a scene for each row", () => {
    expect(rows.map(({ name }) => name).sort()).toEqual(Object.keys(SCENES).sort());
    expect(rows.length).toBeGreaterThan(60);
  });

  test("has every method of the public objects", () => {
    const names = rows.map(({ name }) => name).join("\n");
    const isNamed = (method: string) => new RegExp(`\\b${method}\\b`).test(names);
    for (const { name, prototype } of OBJECTS) {
      const missing = methodsOf(prototype).filter((method) => !isNamed(method));
      expect({ name, missing }).toEqual({ name, missing: [] });
    }
  });

  test("has no empty cell, and says why there is a dash", () => {
    expect(dashes.length).toBeGreaterThan(4);
    for (const { name, cells } of rows) {
      for (const cell of cells) {
        const isFilled = cell.startsWith("—") ? dashes.includes(cell) : cell.trim() !== "";
        expect({ name, cell, isFilled }).toEqual({ name, cell, isFilled: true });
      }
    }
  });

  test("names tests that are there", () => {
    for (const { name, tests } of rows) {
      const citations = citationsOf(tests);
      expect({ name, cited: citations.length > 0 }).toEqual({ name, cited: true });
      for (const citation of citations) expect(missingIn(citation)).toEqual([]);
    }
  });

  test("has every operation and every reason of the contract", () => {
    const named = rows.map(({ name }) => name);
    const operations = tableOf("operation of `assembly/abi.ts`", 2);
    const codes = operations.map(([code = ""]) => code.replaceAll("`", ""));
    expect(codes).toEqual(membersOf("Op").filter((code) => code !== "None"));
    for (const [, list = ""] of operations) {
      for (const one of list.replaceAll("`", "").split("; ")) expect(named).toContain(one);
    }
    const cells = rows.flatMap((row) => row.cells).join();
    for (const reason of membersOf("Reason"))
      expect(cells).toContain(`\`${reason.toLowerCase()}\``);
    const demands = ["nothing", "writers", "all", "file pages"];
    expect(membersOf("Demand")).toHaveLength(demands.length);
    for (const demand of demands) expect(cells).toContain(`, ${demand}`);
  });
});

describe("what is heard", () => {
  test.each(rows)("$name", async ({ name, cells }) => {
    const expected = Object.fromEntries(
      CALLBACKS.map((callback, index) => [callback, sayingOf(cells[index] ?? "")]),
    ) as Heard;
    expect(await SCENES[name]?.()).toEqual(expected);
  });
});
