// Side "js-map": page tables in a Map, areas, entries and frames as objects.

import type { Memory } from "../../memory.ts";
import { Kin, PlainSpace } from "../space.ts";
import type { Areas, Pages, Storage } from "../storage.ts";
import { AreaList } from "./area-list.ts";
import { FramePool } from "./frame-pool.ts";
import { MapPages } from "./pages.ts";
import { SharedObjects } from "./shared-objects.ts";

export class MapMemory implements Memory, Storage {
  readonly #frames: FramePool;
  readonly #objects: SharedObjects;
  readonly #kin = new Kin();

  constructor(bytes: number) {
    this.#frames = new FramePool(bytes);
    this.#objects = new SharedObjects(this.#frames);
  }

  createSpace(): PlainSpace {
    return new PlainSpace(this, this.#kin);
  }

  createAreas(): Areas {
    return new AreaList();
  }

  createPages(): Pages {
    return new MapPages(this.#frames, this.#objects);
  }

  createObject(): number {
    return this.#objects.create();
  }

  retainObject(object: number): void {
    this.#objects.retain(object);
  }

  releaseObject(object: number): void {
    this.#objects.release(object);
  }

  hasObjectPage(object: number, index: number): boolean {
    return this.#objects.has(object, index);
  }

  dropObjectPages(object: number, first: number, pages: number): void {
    this.#objects.drop(object, first, pages);
  }
}
