// A call as strace writes it, taken apart: its arguments as text, and its result.
//
// Invariants
//   R19  A comma or a bracket within a string, a path, a comment or another bracket parts nothing.

import { Unreadable } from "./unreadable.ts";

/** What a call answered. All null: `?`, the log does not say. */
export interface CallResult {
  /** What it returned; null when it failed. */
  readonly value: number | null;
  readonly errno: string | null;
  /** The path behind a descriptor that was returned (-y). */
  readonly path: string | null;
}

export interface CallText {
  readonly args: readonly string[];
  readonly result: CallResult;
}

const CLOSES: Readonly<Record<string, string>> = { "(": ")", "[": "]", "{": "}" };

/** `name(a, b) = result`. Throws Unreadable when it is cut off. */
export function readCall(text: string): CallText {
  const open = text.indexOf("(");
  const args: string[] = [];
  let from = open + 1;
  let at = from;
  while (text[at] !== ")") {
    at = skipPart(text, at);
    const isEnd = text[at] === ")";
    if (!isEnd && text[at] !== ",") continue;
    const argument = text.slice(from, at).trim();
    if (!isEnd || args.length > 0 || argument !== "") args.push(argument);
    if (!isEnd) from = ++at;
  }
  return { args, result: readResult(text.slice(at + 1)) };
}

/** Where the argument goes on after one character, string, bracket, path or comment. */
function skipPart(text: string, at: number): number {
  const letter = text[at];
  if (letter === undefined) throw new Unreadable("a call that is cut off");
  if (letter === ",") return at;
  if (letter === '"') return skipString(text, at);
  if (text.startsWith("/*", at)) return after(text, "*/", at + 2);
  if (letter === "<") return skipAngle(text, at);
  const close = CLOSES[letter];
  return close === undefined ? at + 1 : skipBracket(text, at + 1, close);
}

function skipString(text: string, at: number): number {
  for (let next = at + 1; next < text.length; next++) {
    if (text[next] === "\\") next++;
    else if (text[next] === '"') return next + 1;
  }
  throw new Unreadable("a call that is cut off");
}

/** A path after a descriptor ends with `>`; in `21<<MAP_HUGE_SHIFT` there is none. */
function skipAngle(text: string, at: number): number {
  if (text[at + 1] === "<") return at + 2;
  const bracket = text.indexOf("[", at);
  const end = after(text, ">", at + 1);
  return bracket < 0 || bracket > end ? end : after(text, ">", after(text, "]", bracket));
}

function skipBracket(text: string, from: number, close: string): number {
  let at = from;
  while (text[at] !== close) at = text[at] === "," ? at + 1 : skipPart(text, at);
  return at + 1;
}

function after(text: string, mark: string, from: number): number {
  const found = text.indexOf(mark, from);
  if (found < 0) throw new Unreadable("a call that is cut off");
  return found + mark.length;
}

const RESULT = /^\s*=\s*(\?|-?(?:0x[0-9a-f]+|\d+))(?:<(.*?)>(?:\(deleted\))?)?(?:\s+([A-Z]\w+))?/;
const OUTER_PID = /\/\* (\d+) in strace's PID NS \*\//;

function readResult(text: string): CallResult {
  const found = RESULT.exec(text);
  if (found === null) throw new Unreadable("a call without a result");
  const [, value = "?", path = null, word = null] = found;
  if (value === "?") return { value: null, errno: null, path: null };
  if (value === "-1") return { value: null, errno: word ?? "an errno without a name", path: null };
  const outer = OUTER_PID.exec(text)?.[1];
  return { value: Number(outer ?? value), errno: null, path };
}
