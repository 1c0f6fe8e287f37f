// A file that two address spaces show, and a holder that hears of the file itself.

import { PG } from "../../assembly/abi.ts";
import { MAP_FIXED, MAP_PRIVATE, MAP_SHARED } from "../../src/constants.ts";
import type { File } from "../../src/file.ts";
import type { Mm } from "../../src/mm.ts";
import type { Why } from "../../src/notifier/ops.ts";
import type { Subscriber } from "../../src/notifier/subscriber.ts";
import {
  at,
  BASE,
  type Booted,
  type BootOptions,
  boot,
  PAGE,
  pattern,
  READ_WRITE,
} from "./boot.ts";
import { hold, type Manners } from "./holder.ts";

/** Pages of the file. */
export const FILE_PAGES = 8;

export interface SharedFile extends Booted {
  readonly file: File;
  /** Shows the file from `BASE` on, as `mm` does. */
  readonly other: Mm;
}

/** `mm` and `other` show all of a file, shared, and have touched every page of it. */
export function shareFile(options: BootOptions = {}): SharedFile {
  const booted = boot("", options);
  const file = booted.machine.createFile({ name: "data" });
  file.writeSync(0, pattern(0, FILE_PAGES * PAGE));
  const other = booted.machine.createMm();
  for (const mm of [booted.mm, other]) show(mm, file);
  return { ...booted, file, other };
}

/** Maps all of the file at `BASE` and touches it; `private`: and writes to pages [0, copies). */
export function show(mm: Mm, file: File, kind: "shared" | "private" = "shared", copies = 0): void {
  const flags = MAP_FIXED | (kind === "shared" ? MAP_SHARED : MAP_PRIVATE);
  mm.mmapSync(BASE, FILE_PAGES * PAGE, READ_WRITE, flags, file);
  mm.readSync(BASE, FILE_PAGES * PAGE);
  if (kind === "shared") mm.writeSync(BASE, pattern(0, FILE_PAGES * PAGE));
  for (let page = 0; page < copies; page++) mm.writeSync(at(page), Uint8Array.of(200 + page));
}

export interface FileHolder {
  readonly subscriber: Subscriber;
  readonly diary: string[];
  readonly whys: Why[];
  readonly files: File[];
}

/** Registers a holder that hears of mapping ranges: "punch 1-3 in 2", pages of the file. */
export function holdFile(booted: Booted, manners: Manners = {}, shared?: string[]): FileHolder {
  const { letsGo = true, answer } = manners;
  const files: File[] = [];
  const line = (text: string) => (shared === undefined ? text : `${manners.name} ${text}`);
  const holder = hold(
    booted,
    {
      ...manners,
      invalidateMappingRange(file, start, end, why) {
        files.push(file);
        const range = `${start / PAGE}-${end === 2 ** 63 ? "end" : end / PAGE}`;
        holder.diary.push(line(`${why.reason} ${range} in ${why.ranges.length}`));
        holder.whys.push(why);
        const go = () => {
          if (letsGo) letGo(holder.subscriber, why);
        };
        const pending = answer?.(why);
        return pending === undefined ? go() : pending.then(go);
      },
    },
    shared,
  );
  return { ...holder, files };
}

/** Drops what must go: of a hole, the records of private copies stay. */
function letGo(subscriber: Subscriber, { ranges, demand }: Why): void {
  for (const { mm, start, end } of ranges) {
    if (demand === "all") subscriber.unexportRange(mm, start, end);
    if (demand !== "file pages" || !mm.isAlive) continue;
    for (let address = start; address < end; address += PAGE) {
      const isCopy = ((mm.page(address)?.frameFlags ?? 0) & (1 << PG.anon)) !== 0;
      if (!isCopy) subscriber.unexport(mm, address);
    }
  }
}
