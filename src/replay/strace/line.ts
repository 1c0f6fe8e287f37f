// One line of an strace log: what stands before the call is taken off, the rest gets its kind.
//
//   [pid  101] 12:00:00.000001 (+ 0.000002) [  9] [00007f…] mmap(NULL, …) = 0x7f… <0.000003>
//   └─ who ──┘ └─ when ──────────────────┘ └ -n ┘ └─ -i ──┘ └─ what ──────────────────────┘

/** What a line is, apart from who did it. */
export type LineBody =
  /** `name(arguments) = result`, from the name on. */
  | { readonly kind: "call"; readonly name: string; readonly text: string }
  /** The first half of a call that others interrupted, up to the mark. */
  | { readonly kind: "unfinished"; readonly name: string; readonly text: string }
  /** Its second half, after the mark. */
  | { readonly kind: "resumed"; readonly name: string; readonly text: string }
  /** The end of a process or thread: `exited 0`, `killed SIGKILL`. */
  | { readonly kind: "gone"; readonly how: string }
  /** The exec of another thread took this one's number. */
  | { readonly kind: "superseded"; readonly by: number }
  /** strace says that it follows a process from now on, with so many threads. */
  | { readonly kind: "attached"; readonly tid: number; readonly threads: number }
  | { readonly kind: "signal" }
  | { readonly kind: "message" }
  | { readonly kind: "blank" }
  | { readonly kind: "unknown" };

export type Line = LineBody & {
  /** Who did it; null where the line does not say. */
  readonly tid: number | null;
};

const PID = /^(?:\[pid\s+(\d+)(?:<[^>]*>)?\]|(\d{1,7})(?:<[^>]*>)?(?=\s))\s*/;
const TIME =
  /^(?:\d+:\d\d:\d\d(?:\.\d+)?|\d+\.\d+|\d{8,}|\d{4}-\d\d-\d\dT\S+|\(\+\s*[\d.]+\))(?=\s)\s*/;
const SECONDS = /^\s+\d+\s+/;
const BRACKET = /^\[[^\]]*\]\s+/;
const CALL = /^([a-z_]\w*)\(/;
const UNFINISHED = /\s*<(?:unfinished|detached) \.\.\.>\)?\s*$/;
const RESUMED = /^<\.\.\. (\S+) resumed>/;
const GONE = /^\+\+\+ (exited) with (\d+) \+\+\+$|^\+\+\+ (killed) by (\w+).*\+\+\+$/;
const SUPERSEDED = /^\+\+\+ superseded by execve in pid (\d+) \+\+\+$/;
const ATTACHED = /^(?:strace: )?Process (\d+) attached(?: with (\d+) threads)?/;
const MESSAGE = /^(?:strace: |Process \d+ |\[ Process PID|> |exit status )/;

const PREFIXES_MAX = 8;

export function readLine(text: string): Line {
  const line = text.endsWith("\r") ? text.slice(0, -1) : text;
  const who = PID.exec(line);
  const tid = who === null ? null : Number(who[1] ?? who[2]);
  const rest = who === null ? line : line.slice(who[0].length);
  return { tid, ...bodyOf(withoutTime(rest)) };
}

/** The line without times, call numbers and addresses of instructions, in any order. */
function withoutTime(text: string): string {
  let rest = SECONDS.test(text) ? text.replace(SECONDS, "") : text.trimStart();
  for (let count = 0; count < PREFIXES_MAX; count++) {
    const found = TIME.exec(rest) ?? (rest.startsWith("[ Process") ? null : BRACKET.exec(rest));
    if (found === null) break;
    rest = rest.slice(found[0].length);
  }
  return rest;
}

function bodyOf(text: string): LineBody {
  const name = CALL.exec(text)?.[1];
  if (name !== undefined) return callOf(name, text);
  const resumed = RESUMED.exec(text);
  if (resumed !== null) {
    return { kind: "resumed", name: resumed[1] ?? "", text: text.slice(resumed[0].length) };
  }
  return text.startsWith("+++") ? endOf(text.trimEnd()) : wordsOf(text);
}

function callOf(name: string, text: string): LineBody {
  const mark = text.endsWith(">") || text.endsWith(")") ? UNFINISHED.exec(text) : null;
  if (mark === null) return { kind: "call", name, text };
  return { kind: "unfinished", name, text: text.slice(0, mark.index) };
}

function endOf(text: string): LineBody {
  const gone = GONE.exec(text);
  if (gone !== null) {
    return { kind: "gone", how: `${gone[1] ?? gone[3]} ${gone[2] ?? gone[4]}` };
  }
  const by = SUPERSEDED.exec(text)?.[1];
  return by === undefined ? { kind: "unknown" } : { kind: "superseded", by: Number(by) };
}

function wordsOf(text: string): LineBody {
  if (text.trim() === "") return { kind: "blank" };
  if (text.startsWith("--- ")) return { kind: "signal" };
  const attached = ATTACHED.exec(text);
  if (attached !== null) {
    return { kind: "attached", tid: Number(attached[1]), threads: Number(attached[2] ?? 1) };
  }
  return { kind: MESSAGE.test(text) ? "message" : "unknown" };
}
