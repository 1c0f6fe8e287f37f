// The areas of one address space: cutting and joining them as Linux does.
//
// Invariants
//   L1  Areas are in order and do not overlap; each one that has an object counts once for it.
//   L2  Two neighbours that could be one area are two only where Linux leaves them so: joining is
//       tried where an area was inserted or changed, the lower neighbour first.

import { PAGE } from "../memory.ts";
import { type AreaFields, AreaFlag, type Areas, type Storage } from "./storage.ts";

export class Layout {
  readonly areas: Areas;
  readonly #storage: Storage;

  constructor(storage: Storage) {
    this.areas = storage.createAreas();
    this.#storage = storage;
  }

  /** Position of the area that contains `address`, or -1. */
  at(address: number): number {
    const { areas } = this;
    const at = areas.find(address);
    return at < areas.count && areas.start(at) <= address ? at : -1;
  }

  /** Inserts an area where nothing is mapped, joined with its neighbours where it can be. */
  insert(area: AreaFields): void {
    const { areas } = this;
    const at = areas.find(area.start);
    areas.insert(at, area);
    if (area.object !== 0) this.#storage.retainObject(area.object);
    this.#join(at, true);
  }

  /** Drops all of [start, end). What is mapped there is the caller's to zap first. */
  remove(start: number, end: number): void {
    const { areas } = this;
    this.cut(start);
    this.cut(end);
    const first = areas.find(start);
    let next = first;
    while (next < areas.count && areas.start(next) < end) {
      this.#release(areas.object(next));
      next++;
    }
    if (next > first) areas.remove(first, next - first);
  }

  /** Gives [start, end), which is in one area, other flags. */
  change(start: number, end: number, flags: number): void {
    this.cut(start);
    this.cut(end);
    const at = this.areas.find(start);
    this.areas.setFlags(at, flags);
    this.#join(at, false);
  }

  /** Makes `address` the edge of an area, if one contains it. */
  cut(address: number): void {
    const at = this.at(address);
    if (at < 0 || this.areas.start(at) === address) return;
    const object = this.areas.object(at);
    if (object !== 0) this.#storage.retainObject(object);
    this.areas.split(at, address);
  }

  /** Drops every area. */
  clear(): void {
    const { areas } = this;
    for (let at = 0; at < areas.count; at++) this.#release(areas.object(at));
    areas.remove(0, areas.count);
  }

  /** The anon_vma that a first write can take over from a neighbour, or 0. */
  adoptable(at: number): number {
    const { areas } = this;
    if (at + 1 < areas.count && this.#couldShare(at, at + 1)) {
      const anon = this.#singleAnon(at + 1);
      if (anon !== 0) return anon;
    }
    return at > 0 && this.#couldShare(at - 1, at) ? this.#singleAnon(at - 1) : 0;
  }

  #join(at: number, isNew: boolean): void {
    const { areas } = this;
    const below = at > 0 && this.#canJoin(at - 1, at, isNew ? at : -1);
    let above = at + 1 < areas.count && this.#canJoin(at, at + 1, isNew ? at : -1);
    if (below && above) {
      const [low, high] = [areas.anon(at - 1), areas.anon(at + 1)];
      above = low === 0 || high === 0 || low === high;
    }
    if (above) this.#unite(at);
    if (below) this.#unite(at - 1);
  }

  /** Whether two neighbours can be one area; the new one of them brings no chain of its own. */
  #canJoin(low: number, high: number, fresh: number): boolean {
    const { areas } = this;
    if (!this.#touches(low, high)) return false;
    const differ = (areas.flags(low) ^ areas.flags(high)) & ~AreaFlag.Inherited;
    if (differ !== 0) return false;
    const [a, b] = [areas.anon(low), areas.anon(high)];
    if (a === b) return true;
    if (a !== 0 && b !== 0) return false;
    const owner = a === 0 ? high : low;
    return owner === fresh || (areas.flags(owner) & AreaFlag.Inherited) === 0;
  }

  /** Whether they could be one area but for their rights. */
  #couldShare(low: number, high: number): boolean {
    const { areas } = this;
    const ignored = AreaFlag.Read | AreaFlag.Write | AreaFlag.Execute | AreaFlag.Inherited;
    const differ = (areas.flags(low) ^ areas.flags(high)) & ~ignored;
    return differ === 0 && this.#touches(low, high);
  }

  #touches(low: number, high: number): boolean {
    const { areas } = this;
    if (areas.end(low) !== areas.start(high) || areas.object(low) !== areas.object(high)) {
      return false;
    }
    const pages = (areas.end(low) - areas.start(low)) / PAGE;
    return areas.offset(low) + pages === areas.offset(high);
  }

  #singleAnon(at: number): number {
    return (this.areas.flags(at) & AreaFlag.Inherited) === 0 ? this.areas.anon(at) : 0;
  }

  #unite(low: number): void {
    const { areas } = this;
    const high = low + 1;
    areas.setAnon(low, areas.anon(low) === 0 ? areas.anon(high) : areas.anon(low));
    areas.setFlags(low, areas.flags(low) | areas.flags(high));
    areas.setBounds(low, areas.start(low), areas.end(high), areas.offset(low));
    this.#release(areas.object(high));
    areas.remove(high, 1);
  }

  #release(object: number): void {
    if (object !== 0) this.#storage.releaseObject(object);
  }
}
