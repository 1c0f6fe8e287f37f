// From bytes, a module, a response or a URL to an instance whose exports are known to be right.
//
// Invariants
//   L1  A module is refused unless it exports every name of `exports.ts` and imports nothing but
//       `env.abort`, which only the debug build does.
//   L2  The cast below is the only one at the boundary, and L1 stands before it.

import { type EngineExports, EXPORT_NAMES } from "./exports.ts";

/** Where the engine's code comes from. */
export type EngineSource = WebAssembly.Module | BufferSource | Response | URL | string;

/** Compiles what the caller has; a string is the address of the module. */
export async function compile(source: EngineSource | Promise<EngineSource>) {
  const given = await source;
  if (given instanceof WebAssembly.Module) return given;
  if (isBytes(given)) return WebAssembly.compile(given);
  if (typeof given === "string" || given instanceof URL) return compileResponse(await fetch(given));
  if (typeof Response !== "undefined" && given instanceof Response) return compileResponse(given);
  throw new TypeError("engine: expected a WebAssembly.Module, bytes, a Response or a URL");
}

async function compileResponse(response: Response): Promise<WebAssembly.Module> {
  if (!response.ok) throw new TypeError(`engine: ${response.url} answered ${response.status}`);
  return WebAssembly.compile(await response.arrayBuffer());
}

/** Whether `value` is an ArrayBuffer, a shared one, or a view of either. */
export function isBytes(value: unknown): value is BufferSource {
  if (ArrayBuffer.isView(value) || value instanceof ArrayBuffer) return true;
  return typeof SharedArrayBuffer !== "undefined" && value instanceof SharedArrayBuffer;
}

/** An instance of `module`, made at once; asynchronous hosts compile beforehand. */
export function instantiate(module: WebAssembly.Module): EngineExports {
  checkImports(module);
  checkExports(module);
  let memory: WebAssembly.Memory | undefined;
  const abort = (message: number, file: number, line: number, column: number): never => {
    throw new Error(abortMessage(memory, message, file, line, column));
  };
  const instance = new WebAssembly.Instance(module, { env: { abort } });
  const exports = instance.exports as unknown as EngineExports;
  memory = exports.memory;
  return exports;
}

function checkImports(module: WebAssembly.Module): void {
  for (const { module: from, name, kind } of WebAssembly.Module.imports(module)) {
    if (from === "env" && name === "abort" && kind === "function") continue;
    throw new TypeError(`engine: the module imports ${from}.${name}, which is not pagebell's`);
  }
}

function checkExports(module: WebAssembly.Module): void {
  const offered = new Map<string, WebAssembly.ImportExportKind>();
  for (const { name, kind } of WebAssembly.Module.exports(module)) offered.set(name, kind);
  for (const name of Object.keys(EXPORT_NAMES)) {
    if (offered.get(name) === "function") continue;
    throw new TypeError(`engine: the module does not export ${name}, so it is not pagebell's`);
  }
  if (offered.get("memory") !== "memory") throw new TypeError("engine: the module has no memory");
}

/** AssemblyScript hands `abort` two strings: UTF-16, their byte length in the word before. */
function abortMessage(
  memory: WebAssembly.Memory | undefined,
  message: number,
  file: number,
  line: number,
  column: number,
): string {
  if (memory === undefined) return "abort while starting";
  return `${text(memory, message)} (${text(memory, file)}:${line}:${column})`;
}

function text(memory: WebAssembly.Memory, pointer: number): string {
  if (pointer === 0) return "assertion failed";
  const bytes = new DataView(memory.buffer).getUint32(pointer - 4, true);
  return String.fromCharCode(...new Uint16Array(memory.buffer, pointer, bytes >>> 1));
}
