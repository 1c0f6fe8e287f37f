// What the plain JavaScript memory managers throw: an errno, or the signal of an access.

export class Refusal extends Error {
  override readonly name = "Refusal";
  readonly code: string;
  readonly siCode: string | undefined;

  constructor(code: string, op: string, siCode?: string) {
    super(`${op}: ${code}`);
    this.code = code;
    this.siCode = siCode;
  }
}
