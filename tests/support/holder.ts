// A subscriber that keeps a diary and lets go when it must; each test changes what it is about.

import type { Mm } from "../../src/mm.ts";
import type { ExportOps, Why } from "../../src/notifier/ops.ts";
import type { Subscriber } from "../../src/notifier/subscriber.ts";
import { BASE, type Booted, PAGE } from "./boot.ts";
import { gate } from "./sleeper.ts";

/** What a holder does in a callback, before or instead of letting go. */
export interface Manners extends Partial<ExportOps> {
  /** Lets go when the callback's promise, if any, has settled. Default true. */
  readonly letsGo?: boolean;
  /** Runs first, in every invalidation and release; may wait, may throw. */
  readonly answer?: (why: Why) => void | Promise<void>;
}

export interface Holder {
  readonly subscriber: Subscriber;
  /** "unmap 2-6", "end done", "end aborted", "release", in order. */
  readonly diary: string[];
  /** What each callback was told. */
  readonly whys: Why[];
}

/** Registers a holder; `diary` may be shared, then each line begins with the name. */
export function hold(booted: Booted, manners: Manners = {}, shared?: string[]): Holder {
  const { letsGo = true, answer, ...ops } = manners;
  const name = ops.name ?? "holder";
  const diary: string[] = shared ?? [];
  const whys: Why[] = [];
  const note = (line: string) => diary.push(shared === undefined ? line : `${name} ${line}`);
  const told = (line: string, why: Why, go: () => void) => {
    note(line);
    whys.push(why);
    const pending = answer?.(why);
    const leave = () => {
      if (letsGo) go();
    };
    return pending === undefined ? leave() : pending.then(leave);
  };
  const subscriber = booted.register({
    name,
    invalidateProcessRange: (mm, start, end, why) =>
      told(`${why.reason} ${pagesOf(start, end)}`, why, () =>
        follow(subscriber, mm, start, end, why),
      ),
    invalidatePage: (page, why) =>
      told(`${why.reason} pfn ${page.pfn > 0 ? "some" : "zero"}`, why, () => {
        for (const { mm, address } of why.places) subscriber.unexport(mm, address);
      }),
    release: (mm, why) =>
      told("release", why, () => {
        subscriber.unexportRange(mm, 0, Number.MAX_SAFE_INTEGER);
      }),
    end: (_bracket, { committed }) => {
      note(committed ? "end done" : "end aborted");
    },
    ...ops,
  });
  return { subscriber, diary, whys };
}

function follow(subscriber: Subscriber, mm: Mm, start: number, end: number, why: Why): void {
  if (why.demand === "all") subscriber.unexportRange(mm, start, end);
  if (why.demand === "writers") subscriber.lower(mm, start, end);
}

/** Pages of the drawing that a range covers: "2-6", half open. */
export function pagesOf(start: number, end: number): string {
  const last = (end - BASE) / PAGE;
  return `${(start - BASE) / PAGE}-${last > 2 ** 20 ? "top" : last}`;
}

/** The error that a promise rejects with. */
export async function errorOf(promise: Promise<unknown>): Promise<Error & { code?: string }> {
  const outcome = await promise.then(
    () => null,
    (error: Error) => error,
  );
  if (outcome === null) throw new TypeError("expected a rejection");
  return outcome;
}

/** Where a promise is now: "pending", "done", or the code of its error. */
export function watchPromise(promise: Promise<unknown>): { state: string } {
  const seen = { state: "pending" };
  promise.then(
    () => {
      seen.state = "done";
    },
    (error: { code?: string }) => {
      seen.state = error.code ?? String(error);
    },
  );
  return seen;
}

/** Registers who, when told, lets go of everything and is awaited until `go`. */
export function dawdle({ register }: Pick<Booted, "register">): {
  readonly subscriber: Subscriber;
  readonly go: () => void;
} {
  const sleeper = gate();
  const subscriber = register({
    async invalidateProcessRange() {
      await sleeper.promise;
      subscriber.release();
    },
  });
  return { subscriber, go: () => sleeper.open() };
}
