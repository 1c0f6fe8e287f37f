// Side "js-typed": page tables, areas, counts and contents in typed arrays.

import type { Memory } from "../../memory.ts";
import { Kin, PlainSpace } from "../space.ts";
import type { Areas, Pages, Storage } from "../storage.ts";
import { AreaColumns } from "./area-columns.ts";
import { FrameArena } from "./frame-arena.ts";
import { TypedPages } from "./pages.ts";
import { SharedObjects } from "./shared-objects.ts";
import { TablePool } from "./table-pool.ts";

export class TypedMemory implements Memory, Storage {
  readonly #frames: FrameArena;
  readonly #tables = new TablePool();
  readonly #objects: SharedObjects;
  readonly #kin = new Kin();

  constructor(bytes: number) {
    this.#frames = new FrameArena(bytes);
    this.#objects = new SharedObjects(this.#frames);
  }

  createSpace(): PlainSpace {
    return new PlainSpace(this, this.#kin);
  }

  createAreas(): Areas {
    return new AreaColumns();
  }

  createPages(): Pages {
    return new TypedPages(this.#frames, this.#tables, this.#objects);
  }

  createObject(pages: number): number {
    return this.#objects.create(pages);
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
