// A bracket: one open ticket, whom it tells, and who has accepted.
//
//   open ──▶ notices told, one after another ──▶ commit ──▶ closed (committed)
//     │                 │ refusal, deadline, cancel   │ EBUSY
//     └─────────────────┴─────────────────────────────┴───▶ closed (not committed)
//
// Invariants
//   T1  Whom it tells is fixed when it opens; registering and leaving do not change it.
//   T2  The freeze is lifted before the first `end` is called.
//   T3  Every member that accepted is ended exactly once: at the close, or, if a callback of it is
//       still late then, when that settles. One that is fenced is not called again.

import type { Call } from "../call.ts";
import { type Delivery, observe } from "./delivery.ts";
import type { Member } from "./member.ts";
import type { Notice } from "./notice.ts";
import { remove } from "./remove.ts";

export class Bracket {
  readonly id: number;
  readonly ticket: number;
  readonly call: Call;
  readonly notices: readonly Notice[];
  /** Everybody that some notice of it reaches. */
  readonly members: readonly Member[];
  /** In the order in which they accepted. */
  readonly accepted = new Set<Member>();
  /** Callbacks that have not settled, late ones too. */
  readonly working: Delivery[] = [];
  /** Calls made out of its callbacks that have not settled. */
  readonly children: Call[] = [];
  committed = false;
  closed = false;
  /** Stops listening to the caller's signal. */
  unlisten: () => void = () => {};
  #cancelled: Error | null = null;
  readonly #onCancel: (() => void)[] = [];
  #ended: Promise<{ committed: boolean }> | null = null;
  #settleEnded: ((result: { committed: boolean }) => void) | null = null;

  constructor(id: number, ticket: number, call: Call, notices: readonly Notice[]) {
    this.id = id;
    this.ticket = ticket;
    this.call = call;
    this.notices = notices;
    this.members = union(notices);
    for (const member of this.members) member.openBrackets++;
  }

  /** Why it must not commit, or null. */
  get cancelled(): Error | null {
    return this.#cancelled;
  }

  get ended(): Promise<{ committed: boolean }> {
    if (this.#ended === null) {
      this.#ended = this.closed
        ? Promise.resolve({ committed: this.committed })
        : new Promise((resolve) => {
            this.#settleEnded = resolve;
          });
    }
    return this.#ended;
  }

  accept(member: Member): void {
    this.accepted.add(member);
  }

  /** Asks those at work to stop; the bracket will not commit. The first reason stays. */
  cancel(reason: Error): void {
    if (this.closed) return;
    this.#cancelled ??= reason;
    for (const delivery of [...this.working]) delivery.abort(reason);
    for (const listener of [...this.#onCancel]) listener();
  }

  onCancel(listener: () => void): () => void {
    this.#onCancel.push(listener);
    return () => remove(this.#onCancel, listener);
  }

  /** Tells the members that it is over. The freeze is lifted already. */
  close(): void {
    this.closed = true;
    for (const { page } of this.notices) page?.revoke();
    for (const member of [...this.accepted].reverse()) {
      this.endLate(member);
    }
    this.#settleEnded?.({ committed: this.committed });
    for (const member of this.members) {
      member.openBrackets--;
      member.changed();
    }
  }

  /** Ends a member, unless a callback of it still runs: then when the last of them settles. */
  endLate(member: Member): void {
    if (!this.working.some((delivery) => delivery.member === member)) this.#end(member);
  }

  /** The one `end` of a member; what it throws is reported. */
  #end(member: Member): void {
    if (!this.accepted.delete(member) || member.fenced) return;
    observe(this.call.core, member, "end", () =>
      member.ops.end?.(this.id, { committed: this.committed }),
    );
  }
}

function union(notices: readonly Notice[]): readonly Member[] {
  const [first, ...rest] = notices;
  if (first === undefined || rest.length === 0) return first?.members ?? [];
  return [...new Set(notices.flatMap(({ members }) => members))];
}
