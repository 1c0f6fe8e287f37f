// A recording from its bytes: lines, packed with gzip or not, in a browser as in Node.
//
// Invariants
//   R4  A recording is read whole or not at all: a broken line is an error that says which.

import { FieldError } from "./fields.ts";
import type { RecordedEvent, Recording } from "./format.ts";
import { Parser } from "./parse.ts";

/** A recording that cannot be used: which file, which line (from 1; 0: all of it), and why. */
export class RecordingError extends Error {
  override readonly name = "RecordingError";
  readonly file: string;
  readonly line: number;
  readonly reason: string;

  constructor(file: string, line: number, reason: string, options?: ErrorOptions) {
    super(line === 0 ? `${file}: ${reason}` : `${file}:${line}: ${reason}`, options);
    this.file = file;
    this.line = line;
    this.reason = reason;
  }
}

/** The first two bytes of anything that gzip made. */
const GZIP_MAGIC = [0x1f, 0x8b] as const;

/** Reads a recording from its bytes, packed or not. `file` names it in errors. */
export async function readRecording(file: string, bytes: Uint8Array): Promise<Recording> {
  const { isWhole, text } = await textOf(file, bytes);
  if (!isWhole) throw new RecordingError(file, 0, "it is neither gzip nor UTF-8 text");
  return parseRecording(file, text);
}

/** The text in a file, unpacked where it is gzip; whether all of it was UTF-8. */
export async function textOf(
  file: string,
  bytes: Uint8Array,
): Promise<{ readonly text: string; readonly isWhole: boolean }> {
  const isPacked = GZIP_MAGIC.every((byte, index) => bytes[index] === byte);
  const plain = isPacked ? await unpack(file, bytes) : bytes;
  try {
    return { text: new TextDecoder("utf-8", { fatal: true }).decode(plain), isWhole: true };
  } catch {
    return { text: new TextDecoder("utf-8").decode(plain), isWhole: false };
  }
}

/** Reads a recording from its text, a JSON object a line. */
export function parseRecording(file: string, text: string): Recording {
  const lines = text.split("\n");
  if (lines.at(-1) === "") lines.pop();
  const parser = new Parser();
  const [first = ""] = lines;
  const header = at(file, 1, () => parser.header(first));
  const events: RecordedEvent[] = [];
  for (let index = 1; index < lines.length; index++) {
    const line = index + 1;
    events.push(at(file, line, () => parser.event(lines[index] ?? "", line)));
  }
  return { file, header, events };
}

/** Runs a reader of one line; what it finds wrong gets the name of the place. */
function at<T>(file: string, line: number, parse: () => T): T {
  try {
    return parse();
  } catch (error) {
    if (error instanceof FieldError) throw new RecordingError(file, line, error.message);
    throw error;
  }
}

async function unpack(file: string, bytes: Uint8Array): Promise<Uint8Array> {
  const packed = new Blob([bytes.slice()]).stream();
  try {
    const plain = packed.pipeThrough(new DecompressionStream("gzip"));
    return new Uint8Array(await new Response(plain).arrayBuffer());
  } catch (cause) {
    throw new RecordingError(file, 0, "it looks like gzip, but cannot be unpacked", { cause });
  }
}
