// What a callback is told. Signal, promises and views are made when they are first looked at: a
// subscriber that answers at once should pay for nothing.

import type { Machine } from "../machine.ts";
import type { Mm } from "../mm.ts";
import type { Bracket } from "./bracket.ts";
import type { Notice } from "./notice.ts";
import type { Place, ProcessRange, Why, WhyDemand, WhyReason } from "./ops.ts";

export class Explanation implements Why {
  readonly reason: WhyReason;
  readonly demand: WhyDemand;
  readonly oldProt: number;
  readonly newProt: number;
  readonly canWait: boolean;
  readonly bracket: number;
  readonly places: readonly Place[];
  readonly ranges: readonly ProcessRange[];
  readonly #bracket: Bracket;
  readonly #notice: Notice;
  #controller: AbortController | null = null;
  #aborted: Error | null = null;
  #mm: Mm | null = null;
  #machine: Machine | null = null;

  constructor(bracket: Bracket, notice: Notice) {
    this.#bracket = bracket;
    this.#notice = notice;
    this.reason = notice.reason;
    this.demand = notice.demand;
    this.oldProt = notice.oldProt;
    this.newProt = notice.newProt;
    this.canWait = bracket.call.canWait;
    this.bracket = bracket.id;
    this.places = notice.places;
    this.ranges = notice.ranges;
  }

  get signal(): AbortSignal {
    if (this.#controller === null) {
      this.#controller = new AbortController();
      if (this.#aborted !== null) this.#controller.abort(this.#aborted);
    }
    return this.#controller.signal;
  }

  get ended(): Promise<{ readonly committed: boolean }> {
    return this.#bracket.ended;
  }

  get machine(): Machine {
    this.#machine ??= this.#bracket.call.core.objects.machine(this.#bracket);
    return this.#machine;
  }

  get mm(): Mm | null {
    const { space } = this.#notice;
    if (space === null) return null;
    this.#mm ??= this.#bracket.call.core.objects.mm(space, this.#bracket);
    return this.#mm;
  }

  /** Fires the signal, also for who looks at it only later. */
  abort(reason: Error): void {
    this.#aborted ??= reason;
    this.#controller?.abort(reason);
  }
}
