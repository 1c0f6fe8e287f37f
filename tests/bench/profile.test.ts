// A sampled profile as a table: set-up is left out, and a function that calls itself counts once.

import { expect, test } from "vitest";
import { type CpuProfile, hotFunctions, hotTable } from "../../bench/profile/hot.ts";

function node(id: number, functionName: string, children: number[] = [], url = "wasm://wasm/1") {
  return { id, callFrame: { functionName, url, lineNumber: 6 }, children };
}

const PROFILE: CpuProfile = {
  nodes: [
    node(1, "(root)", [2, 3, 7], ""),
    node(2, "setup", [], "file:///a/b.js"),
    node(3, "#run", [4], "file:///a/b.js"),
    node(4, "walk", [5, 6]),
    node(5, "walk", []),
    node(6, "zap", []),
    node(7, "(idle)", [], ""),
  ],
  samples: [2, 3, 4, 5, 6, 6, 7],
  timeDeltas: [500, 10, 20, 30, 20, 20, 900],
};

test("shares are of what is timed, with set-up and waiting left out", () => {
  expect(hotFunctions(PROFILE)).toEqual([
    { name: "walk", where: "wasm", self: 0.5, total: 0.9 },
    { name: "zap", where: "wasm", self: 0.4, total: 0.4 },
    { name: "#run", where: "b.js:7", self: 0.1, total: 1 },
  ]);
});

test("where nothing is timed, shares are of everything but waiting", () => {
  const [root, setup, idle] = [PROFILE.nodes[0], PROFILE.nodes[1], PROFILE.nodes[6]];
  if (root === undefined || setup === undefined || idle === undefined) throw new Error("nodes");
  const found = hotFunctions({ ...PROFILE, nodes: [root, setup, idle], samples: [2, 7] });
  expect(found).toEqual([{ name: "setup", where: "b.js:7", self: 1, total: 1 }]);
});

test("a profile without samples has no functions, and its table no rows", () => {
  const empty = hotFunctions({ nodes: PROFILE.nodes });
  expect(empty.every(({ self, total }) => self === 0 && total === 0)).toBe(true);
  expect(hotTable(empty)).toBe("function  where  self  with callees\n");
});

test("the table has so many rows", () => {
  const lines = hotTable(hotFunctions(PROFILE), 2).trimEnd().split("\n");
  expect(lines.map((line) => line.split(/ {2,}/))).toEqual([
    ["function", "where", "self", "with callees"],
    ["walk", "wasm", "50.0 %", "90.0 %"],
    ["zap", "wasm", "40.0 %", "40.0 %"],
  ]);
});
