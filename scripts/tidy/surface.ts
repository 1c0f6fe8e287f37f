// What the built modules offer and want: `surface`, `no-imports`.

import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { ROOT, type Source, type Violation } from "./source.ts";

const INDEX = "assembly/index.ts";
const RELEASES = ["release", "release-plain"];
const TARGETS = [...RELEASES, "debug", "debug-plain"];

/**
 * Holds each built module against `assembly/index.ts` and the shell's list of names.
 *
 * A target that has not been built is not looked at: `npm run check` and `npm test` build all.
 */
export function checkSurface(sources: readonly Source[], shellNames: readonly string[]) {
  const index = sources.find((source) => source.path === INDEX);
  if (index === undefined) return [];
  const declared = exportedNames(index);
  return [
    ...differences("src/engine/exports.ts", new Set(shellNames), declared),
    ...TARGETS.flatMap((target) => checkModule(target, declared)),
  ];
}

function checkModule(target: string, declared: ReadonlySet<string>): Violation[] {
  const path = `build/${target}.wasm`;
  if (!existsSync(join(ROOT, path))) return [];
  const module = new WebAssembly.Module(readFileSync(join(ROOT, path)));
  const functions = WebAssembly.Module.exports(module).filter(({ kind }) => kind === "function");
  const names = new Set(functions.map(({ name }) => name));
  const others = WebAssembly.Module.exports(module).filter(({ kind }) => kind !== "function");
  return [
    ...differences(path, names, declared),
    ...others
      .filter(({ name }) => name !== "memory")
      .map(({ name }) => at(path, `exports ${name}`)),
    ...WebAssembly.Module.imports(module)
      .filter(
        ({ module: from, name }) => RELEASES.includes(target) || `${from}.${name}` !== "env.abort",
      )
      .map(({ module: from, name }) => ({
        ...at(path, `imports ${from}.${name}`),
        rule: "no-imports",
      })),
  ];
}

function exportedNames(index: Source): Set<string> {
  const names = new Set<string>();
  for (const node of index.program?.body ?? []) {
    if (node.type !== "ExportNamedDeclaration") continue;
    for (const { exported } of node.specifiers) {
      if (exported.type === "Identifier") names.add(exported.name);
    }
  }
  return names;
}

function differences(path: string, has: ReadonlySet<string>, declared: ReadonlySet<string>) {
  const lacking = [...declared].filter((name) => !has.has(name));
  const surplus = [...has].filter((name) => !declared.has(name));
  return [
    ...lacking.map((name) => at(path, `lacks ${name}, which ${INDEX} exports`)),
    ...surplus.map((name) => at(path, `has ${name}, which ${INDEX} does not export`)),
  ];
}

function at(path: string, what: string): Violation {
  return { rule: "surface", path, line: 1, what };
}
