// The registry of subscribers: who is told, since when, until when.
//
// Invariants (with S3 and S4)
//   S10 Unregistering drops the records as soon as no callback of the subscriber runs, and settles
//       when no open bracket will tell it anything any more.
//   S11 A fence takes effect at once: records gone, its answers neither waited for nor heeded.

import { Status, SUBSCRIBERS_MAX } from "../../assembly/abi.ts";
import * as take from "../arguments.ts";
import { arm } from "../clock.ts";
import type { Core } from "../core.ts";
import { MemoryError } from "../errors.ts";
import { sweep } from "../grave.ts";
import { untilEnded } from "../wait.ts";
import { revokePages } from "./held-pages.ts";
import { Member } from "./member.ts";
import { CALLBACKS, type ExportOps } from "./ops.ts";
import { MEMBER, Subscriber } from "./subscriber.ts";

export class ExportNotifiers {
  readonly #core: Core;
  readonly #handles = new Map<Member, Subscriber>();
  #registered = 0;

  constructor(core: Core) {
    this.#core = core;
  }

  /** Subscribers that are registered, in order of registration. */
  get subscribers(): readonly Subscriber[] {
    return [...this.#handles.values()];
  }

  /** Registers a subscriber (export_notifier_register). EUSERS at the limit. */
  register(ops: ExportOps): Subscriber {
    checkOps(ops);
    const id = this.#freeId();
    const member = new Member(id, this.#registered, ops, this.#core.deadline);
    this.#registered++;
    const handle = new Subscriber(this.#core, member);
    this.#core.members.set(id, member);
    this.#handles.set(member, handle);
    return handle;
  }

  /**
   * Unregisters and drains (export_notifier_unregister). From now on it exports nothing; its
   * records go when no callback of it runs; it settles when nothing will call it any more.
   * ETIMEDOUT after its deadline: it goes on draining.
   */
  async unregister(subscriber: Subscriber, options: { deadline?: number } = {}): Promise<void> {
    const { deadline } = this.#memberOf(subscriber);
    take.options(options, "options");
    const wait = take.duration(options.deadline ?? deadline, "deadline");
    const member = this.#leave(subscriber);
    if (member.state === "gone") return;
    await this.#drained(member, wait);
  }

  /** The same where nobody waits: EAGAIN, and still registered, while something runs. */
  unregisterSync(subscriber: Subscriber): void {
    const member = this.#memberOf(subscriber);
    if (member.state === "gone") return;
    if (!member.isDrained) {
      const reason = `subscriber "${member.name}" has a callback running`;
      throw new MemoryError(Status.EAGAIN, "unregister", { holder: member.name, reason });
    }
    this.#leave(subscriber);
  }

  /** Drops every record of a subscriber; it stays registered (export_notifier_release). */
  release(subscriber: Subscriber): number {
    this.#memberOf(subscriber);
    return subscriber.release();
  }

  /**
   * Gives a subscriber up: its records are dropped, quarantined frames come back, what waits for
   * it goes on, its late answers are ignored, and its handle fails with ESTALE for good. For the
   * owner of the machine: whoever is fenced may still write where it could.
   */
  fence(subscriber: Subscriber): void {
    const member = this.#memberOf(subscriber);
    if (member.fenced || member.state === "gone") return;
    member.fenced = true;
    this.#bury(member);
    for (const delivery of [...member.working]) delivery.giveUp();
    member.changed();
  }

  #leave(subscriber: Subscriber): Member {
    const member = this.#memberOf(subscriber);
    if (member.state !== "active") return member;
    member.state = "leaving";
    const stop = member.onChange(() => this.#proceed(member, stop));
    this.#proceed(member, stop);
    return member;
  }

  #proceed(member: Member, stop: () => void): void {
    if (member.state !== "leaving") {
      stop();
      return;
    }
    if (member.working.length === 0) this.#drop(member);
    if (!member.isDrained) return;
    stop();
    this.#bury(member);
  }

  #drained(member: Member, wait: number): Promise<void> {
    const reason = `subscriber "${member.name}" has a callback running`;
    const late = { holder: member.name, reason };
    return untilEnded((end) => [
      member.onChange(() => {
        if (member.state === "gone") end();
      }),
      arm(this.#core.clock, wait, () => end(new MemoryError(Status.ETIMEDOUT, "unregister", late))),
    ]);
  }

  /** Lets go of everything it holds and watches. */
  #drop(member: Member): void {
    const { engine } = this.#core;
    if (engine.removeAllExports(member.id) > 0) sweep(this.#core);
    revokePages(member);
    for (const space of member.watching) {
      space.watchers.delete(member);
      engine.watch(space.id, -1);
    }
    member.watching.clear();
  }

  #bury(member: Member): void {
    this.#drop(member);
    member.state = "gone";
    this.#core.members.delete(member.id);
    this.#handles.delete(member);
  }

  #freeId(): number {
    const { members } = this.#core;
    for (let id = 0; id < SUBSCRIBERS_MAX; id++) if (!members.has(id)) return id;
    const reason = `${SUBSCRIBERS_MAX} subscribers are registered already`;
    throw new MemoryError(Status.EUSERS, "register", { reason });
  }

  #memberOf(subscriber: Subscriber): Member {
    const member: Member | undefined = (subscriber as Partial<Subscriber> | undefined)?.[MEMBER];
    if (member === undefined) throw take.typeError("subscriber", "a Subscriber", subscriber);
    const owner = this.#handles.get(member);
    if (owner === undefined && member.state !== "gone") {
      throw new TypeError("subscriber: it belongs to another machine");
    }
    return member;
  }
}

function checkOps(ops: ExportOps): void {
  if (typeof ops !== "object" || ops === null) throw take.typeError("ops", "an object", ops);
  take.text(ops.name, "ops.name");
  take.flag(ops.sync, "ops.sync");
  if (ops.deadline !== undefined) take.duration(ops.deadline, "ops.deadline");
  for (const name of CALLBACKS) {
    const callback: unknown = ops[name];
    if (callback === undefined || typeof callback === "function") continue;
    throw take.typeError(`ops.${name}`, "a function", callback);
  }
}
