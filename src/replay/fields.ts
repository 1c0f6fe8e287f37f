// The fields of one line: each reader gives the value in its type, or says what is wrong with it.

/** What is wrong with a line; whoever reads the file adds its name and the line's number. */
export class FieldError extends Error {
  override readonly name = "FieldError";
}

export type Fields = Readonly<Record<string, unknown>>;

const HEX = /^[0-9a-f]{1,16}$/;
const SHOWN_MAX = 40;

/** The object that a line must be. */
export function object(value: unknown, what: string): Fields {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as Fields;
  throw wrong(what, "an object", value);
}

export function list(value: unknown, what: string): readonly unknown[] {
  if (Array.isArray(value)) return value;
  throw wrong(what, "a list", value);
}

/** An address: lower-case hex digits without a prefix. */
export function hex(value: unknown, what: string): number {
  if (typeof value === "string" && HEX.test(value)) return Number.parseInt(value, 16);
  throw wrong(what, "a hex string", value);
}

export function integer(value: unknown, what: string): number {
  if (Number.isInteger(value)) return value as number;
  throw wrong(what, "a whole number", value);
}

/** A whole number that is not negative: a length, a size, a count. */
export function natural(value: unknown, what: string): number {
  const number = integer(value, what);
  if (number < 0) throw wrong(what, "zero or more", value);
  return number;
}

export function byte(value: unknown, what: string): number {
  const number = natural(value, what);
  if (number > 0xff) throw wrong(what, "a byte", value);
  return number;
}

export function boolean(value: unknown, what: string): boolean {
  if (typeof value === "boolean") return value;
  throw wrong(what, "true or false", value);
}

export function text(value: unknown, what: string): string {
  if (typeof value === "string") return value;
  throw wrong(what, "a string", value);
}

/** The error for a field that is not what it has to be. */
export function wrong(what: string, wanted: string, got: unknown): FieldError {
  if (got === undefined) return new FieldError(`${what} is missing`);
  const shown = JSON.stringify(got) ?? String(got);
  const short = shown.length > SHOWN_MAX ? `${shown.slice(0, SHOWN_MAX)}…` : shown;
  return new FieldError(`${what} must be ${wanted}, not ${short}`);
}
