// One address space of sixteen pages, and a holder outside who answers when the page's user does.
//
// Written by: serve.ts, a message at a time.

import {
  MAP_ANONYMOUS,
  MAP_PRIVATE,
  type Machine,
  MemoryError,
  type Mm,
  PAGE_SIZE,
  PROT_READ,
  PROT_WRITE,
  type Subscriber,
  type Why,
} from "../src/slim.ts";
import { type Answer, DEADLINE, STRIP_PAGES, type ToPage, type View } from "./protocol.ts";

const FIRST_HELD = 4;
const LAST_HELD = 7;

type Say = (message: ToPage) => void;

/** What the holder throws when the user refuses. */
class Refusal extends Error {
  override readonly name = "Refusal";
}

export class Lease {
  readonly #machine: Machine;
  readonly #mm: Mm;
  readonly #device: Subscriber;
  readonly #say: Say;
  #base = 0;
  #answer: ((answer: Answer) => void) | null = null;

  constructor(machine: Machine, say: Say) {
    this.#machine = machine;
    this.#say = say;
    this.#mm = machine.createMm();
    this.#device = machine.exportNotifiers.register({
      name: "remote device",
      deadline: DEADLINE,
      invalidateProcessRange: (mm, start, end, why) => this.#told(mm, start, end, why),
      end: (_bracket, { committed }) => say({ kind: "ended", committed }),
    });
  }

  /** Maps and fills the strip; the device takes hold of the middle. */
  async open(): Promise<void> {
    const flags = MAP_PRIVATE | MAP_ANONYMOUS;
    const bytes = STRIP_PAGES * PAGE_SIZE;
    this.#base = await this.#mm.mmap(0, bytes, PROT_READ | PROT_WRITE, flags);
    for (let index = 0; index < STRIP_PAGES; index++) {
      await this.#mm.write(this.#at(index), new Uint8Array(PAGE_SIZE).fill(index));
    }
    for (let index = FIRST_HELD; index <= LAST_HELD; index++) await this.#export(index);
    this.#show();
  }

  /** Takes hold of a page, or lets go of it. Letting go is always possible and counts at once. */
  async hold(index: number, on: boolean): Promise<void> {
    if (on) await this.#export(index);
    else this.#device.unexport(this.#mm, this.#at(index));
    this.#show();
  }

  /** The awaited munmap of pages [from, to). */
  async munmap(from: number, to: number): Promise<void> {
    const begin = performance.now();
    let error: string | null = null;
    try {
      await this.#mm.munmap(this.#at(from), (to - from) * PAGE_SIZE, { deadline: 2 * DEADLINE });
    } catch (cause) {
      if (!(cause instanceof MemoryError)) throw cause;
      error = cause.message;
    }
    this.#say({ kind: "settled", error, milliseconds: performance.now() - begin });
    this.#show();
  }

  /** What the user decides, in the holder's name. */
  answer(answer: Answer): void {
    this.#answer?.(answer);
  }

  async #told(mm: Mm, start: number, end: number, why: Why): Promise<void> {
    this.#say({ kind: "noticed", reason: why.reason, start, end });
    this.#show();
    const answer = await this.#decision(why.signal);
    if (answer === "refuse") throw new Refusal("the holder will not let go");
    if (answer === "let-go") this.#device.unexportRange(mm, start, end);
    this.#show();
  }

  /** Waits for the user, or for the deadline. */
  #decision(signal: AbortSignal): Promise<Answer> {
    return new Promise((resolve, reject) => {
      this.#answer = resolve;
      signal.addEventListener("abort", () => {
        this.#say({ kind: "withdrawn" });
        reject(signal.reason);
      });
    });
  }

  async #export(index: number): Promise<void> {
    try {
      await this.#device.export(this.#mm, this.#at(index), { write: true });
    } catch (cause) {
      // A page that is gone cannot be held: the strip shows that.
      if (!(cause instanceof MemoryError)) throw cause;
    }
  }

  #at(index: number): number {
    return this.#base + index * PAGE_SIZE;
  }

  #show(): void {
    this.#say({ kind: "view", view: this.#view() });
  }

  #view(): View {
    const pages = Array.from({ length: STRIP_PAGES }, (_, index) => {
      const address = this.#at(index);
      const state = this.#mm.page(address);
      const mapped = state?.present === true;
      return { address, mapped, pfn: state?.pfn ?? 0, held: mapped && state.exported };
    });
    return { pages, maps: this.#mm.maps(), framesFree: this.#machine.frames.free };
  }
}
