// A backing on the other side of a MessagePort: what a page asks of its worker, one message a call.
//
//   here                                          there
//   read(position, into)  ── { id, do, … } ──▶    backing.read(position, bytes)
//   into.set(bytes)       ◀── { id, value } ──    bytes, transferred
//
// Invariants
//   R1  Each question is answered once: by its answer, or by the failure of the other side.
//   R2  Bytes are copied here and move from there on: neither side sees the other's.

import type { AsyncBacking, Backing } from "./backing.ts";
import { closedError } from "./position.ts";

type Question =
  | { readonly do: "read"; readonly position: number; readonly bytes: number }
  | { readonly do: "write"; readonly position: number; readonly from: Uint8Array }
  | { readonly do: "truncate"; readonly bytes: number }
  | { readonly do: "size" | "sync" | "close" };

type Value = number | Uint8Array | undefined;

/** An error as it crosses: what is cloned keeps neither its code nor, everywhere, its class. */
interface Failure {
  readonly name: string;
  readonly message: string;
  readonly code: string | undefined;
}

type Asked = Question & { readonly id: number };
type Answer = { readonly id: number } & ({ readonly value: Value } | { readonly failure: Failure });

/** The first answer of all, which nobody asked for: the other side is there, or could not be. */
const GREETING = 0;

interface Waiting {
  resolve(value: Value): void;
  reject(error: Error): void;
}

/** This side. It listens at once; `ready` settles when the other side has begun, or failed to. */
export class Remote implements AsyncBacking {
  readonly ready: Promise<void>;
  readonly #port: MessagePort;
  readonly #onEnd: () => void;
  readonly #waiting = new Map<number, Waiting>();
  #last = GREETING;
  #failure: Error | null = null;
  #closing: Promise<void> | null = null;

  /** `onEnd` is called once, when nothing comes of the port any more. */
  constructor(port: MessagePort, onEnd: () => void = () => {}) {
    this.#port = port;
    this.#onEnd = onEnd;
    this.ready = new Promise<Value>((resolve, reject) => {
      this.#waiting.set(GREETING, { resolve, reject });
    }).then(() => {});
    port.addEventListener("message", ({ data }: MessageEvent<Answer>) => this.#hear(data));
    port.addEventListener("messageerror", () => this.fail(new Error("an answer was unreadable")));
    port.addEventListener("close", () => this.fail(new Error("the other side is gone")));
    port.start();
  }

  /** The other side answers nothing any more: everything that waits for it fails, now and later. */
  fail(error: Error): void {
    if (this.#failure !== null) return;
    this.#failure = error;
    for (const { reject } of this.#waiting.values()) reject(error);
    this.#waiting.clear();
    this.#port.close();
    this.#onEnd();
  }

  async read(position: number, into: Uint8Array): Promise<number> {
    const bytes = await this.#ask({ do: "read", position, bytes: into.byteLength });
    into.set(bytes as Uint8Array);
    return (bytes as Uint8Array).byteLength;
  }

  async write(position: number, from: Uint8Array): Promise<void> {
    const copy = from.slice();
    await this.#ask({ do: "write", position, from: copy }, [copy.buffer]);
  }

  async size(): Promise<number> {
    return (await this.#ask({ do: "size" })) as number;
  }

  async truncate(bytes: number): Promise<void> {
    await this.#ask({ do: "truncate", bytes });
  }

  async sync(): Promise<void> {
    await this.#ask({ do: "sync" });
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  /** What was asked before is answered first, and so is the other side's own closing. */
  async #close(): Promise<void> {
    try {
      if (this.#failure === null) await this.#send({ do: "close" }, []);
    } finally {
      this.fail(closedError());
    }
  }

  async #ask(question: Question, moved: Transferable[] = []): Promise<Value> {
    if (this.#failure !== null) throw this.#failure;
    if (this.#closing !== null) throw closedError();
    return this.#send(question, moved);
  }

  #send(question: Question, moved: Transferable[]): Promise<Value> {
    this.#last++;
    const asked: Asked = { ...question, id: this.#last };
    return new Promise((resolve, reject) => {
      this.#port.postMessage(asked, moved);
      this.#waiting.set(asked.id, { resolve, reject });
    });
  }

  #hear(answer: Answer): void {
    const waiting = this.#waiting.get(answer.id);
    if (!this.#waiting.delete(answer.id) || waiting === undefined) return;
    if ("value" in answer) waiting.resolve(answer.value);
    else waiting.reject(errorOf(answer.failure));
  }
}

/** The other side: what is asked through `port` is asked of `made`, once there is one. */
export async function serveBacking(port: MessagePort, made: Promise<Backing>): Promise<void> {
  let backing: Backing;
  try {
    backing = await made;
  } catch (error) {
    port.postMessage({ id: GREETING, failure: failureOf(error) } satisfies Answer);
    return;
  }
  const underWay = new Set<Promise<void>>();
  port.addEventListener("message", ({ data }: MessageEvent<Asked>) => {
    const before = data.do === "close" ? Promise.all(underWay) : undefined;
    const answered = answer(port, data, async () => {
      if (before !== undefined) await before;
      return perform(backing, data);
    }).finally(() => underWay.delete(answered));
    underWay.add(answered);
  });
  // Who asks is gone without a word: nobody else will close what it had.
  port.addEventListener("close", () => void abandon(backing));
  port.start();
  port.postMessage({ id: GREETING, value: undefined } satisfies Answer);
}

async function abandon(backing: Backing): Promise<void> {
  try {
    await backing.close?.();
  } catch {
    // There is nobody to tell.
  }
}

async function answer(port: MessagePort, { id }: Asked, work: () => Promise<Value>): Promise<void> {
  try {
    const value = await work();
    const moved = value instanceof Uint8Array ? [value.buffer] : [];
    port.postMessage({ id, value } satisfies Answer, moved);
  } catch (error) {
    port.postMessage({ id, failure: failureOf(error) } satisfies Answer);
  }
}

async function perform(backing: Backing, question: Question): Promise<Value> {
  switch (question.do) {
    case "read": {
      const into = new Uint8Array(question.bytes);
      return into.subarray(0, await backing.read(question.position, into));
    }
    case "write":
      await backing.write(question.position, question.from);
      return undefined;
    case "truncate":
      await backing.truncate(question.bytes);
      return undefined;
    case "size":
      return backing.size();
    case "sync":
      await backing.sync();
      return undefined;
    case "close":
      await backing.close?.();
      return undefined;
  }
}

function failureOf(error: unknown): Failure {
  if (!(error instanceof Error)) return { name: "Error", message: `${error}`, code: undefined };
  const { name, message, code } = error as Error & { code?: unknown };
  return { name, message, code: typeof code === "string" ? code : undefined };
}

const CLASSES: Record<string, ErrorConstructor> = { RangeError, TypeError };

function errorOf({ name, message, code }: Failure): Error {
  const error = new (CLASSES[name] ?? Error)(message);
  error.name = name;
  return code === undefined ? error : Object.assign(error, { code });
}
