// Each invariant of links, anon_vmas and mappings, broken on purpose: the checker names it.

import { PG } from "../../../assembly/abi";
import { frameAlloc, frameFree } from "../../../assembly/frame/buddy";
import { flagClear, flagSet } from "../../../assembly/frame/flags";
import { frameOf } from "../../../assembly/frame/frame";
import { poolAlloc, poolFree } from "../../../assembly/frame/pool";
import { AnonVma, anonVmaCreate, anonVmaPool } from "../../../assembly/map/anon-vma";
import { ObjectInvariant } from "../../../assembly/map/check-object";
import { Link, linkInsert, linkRemove } from "../../../assembly/map/link";
import { cacheFill, Mapping, mappingTree, nodePool } from "../../../assembly/map/mapping";
import { Mm } from "../../../assembly/map/mm";
import { Vma } from "../../../assembly/map/vma";
import {
  area,
  boot,
  closeFile,
  expectSound,
  file,
  forked,
  leave,
  mapAnon,
  mapFile,
  space,
  touch,
} from "../op/world";
import { expectBroken } from "./broken";

let mm = changetype<Mm>(0);
let child = changetype<Mm>(0);
let shared: usize = 0;
let cached: u32 = 0;

function anonVmaOf(vma: Vma): AnonVma {
  return changetype<AnonVma>(vma.anonVma);
}

function linkOf(vma: Vma): Link {
  return changetype<Link>(vma.share);
}

function mappingOf(object: usize): Mapping {
  return changetype<Mapping>(object);
}

/** Where a cache node counts its children. */
function usedOf(node: usize): usize {
  return node + 256;
}

//   pages   0 ── 4    8 ── 10        12 ── 14
//           touched   file 2 to 4    file 6 to 8, the cache has page 5
describe("the checker of what areas hang in", () => {
  beforeEach(() => {
    boot(2048);
    mm = space();
    shared = file(100);
    mapAnon(mm, 0, 4);
    touch(mm, 0, 4);
    mapFile(mm, 8, 10, shared, 2);
    mapFile(mm, 12, 14, shared, 6);
    cached = cacheFill(mappingOf(shared), 5);
    child = forked(mm);
    expectSound();
  });
  afterEach(() => {
    expectSound();
    leave(child);
    leave(mm);
    closeFile(shared);
    expectSound();
  });

  test("I1: a link that names another area than the one that lists it", () => {
    const link = linkOf(area(mm, 8));
    link.vma = changetype<usize>(area(child, 8));
    expectBroken(ObjectInvariant.LinkLost);
    link.vma = changetype<usize>(area(mm, 8));
  });

  test("I1: a link that its object's tree does not hold", () => {
    const link = area(child, 12).share;
    linkRemove(mappingTree(shared), link);
    expectBroken(ObjectInvariant.LinkLost);
    linkInsert(mappingTree(shared), link);
  });

  test("I2: a reach that is not the highest last page of the subtree", () => {
    linkOf(area(mm, 12)).lastMax += 1;
    expectBroken(ObjectInvariant.LinkReach);
    linkOf(area(mm, 12)).lastMax -= 1;
  });

  test("I3: links that are not in the order of their first pages", () => {
    area(mm, 12).pgoff = 1;
    area(child, 12).pgoff = 1;
    expectBroken(ObjectInvariant.LinkOrder);
    area(mm, 12).pgoff = 6;
    area(child, 12).pgoff = 6;
  });

  test("M1, M2: a tree of links that is askew", () => {
    const root = changetype<Link>(load<usize>(mappingTree(shared)));
    root.height += 1;
    expectBroken(ObjectInvariant.TreeBalance);
    root.height -= 1;
    root.parent = root.left;
    expectBroken(ObjectInvariant.TreeParent);
    root.parent = 0;
  });

  test("R2: an anon_vma that counts other areas than call it their own", () => {
    anonVmaOf(area(mm, 0)).active += 1;
    expectBroken(ObjectInvariant.AnonVmaUsers);
    anonVmaOf(area(mm, 0)).active -= 1;
  });

  test("R2: an anon_vma that counts other children than name it", () => {
    // The child's area has no page of its own yet, and an anon_vma of its own all the same.
    const own = anonVmaOf(area(child, 0));
    const parent = own.parent;
    expect<usize>(parent).toBe(area(mm, 0).anonVma);
    changetype<AnonVma>(parent).children += 1;
    expectBroken(ObjectInvariant.AnonVmaUsers);
    changetype<AnonVma>(parent).children -= 1;
    own.parent = changetype<usize>(own);
    expectBroken(ObjectInvariant.AnonVmaUsers);
    own.parent = parent;
  });

  test("R3: an anon_vma that no area is linked to", () => {
    const lonely = anonVmaCreate(0);
    expectBroken(ObjectInvariant.AnonVmaEmpty);
    poolFree(anonVmaPool, lonely);
  });

  test("C1: a cached frame without its flag, its index or its mapping", () => {
    flagClear(PG.pagecache, cached);
    expectBroken(ObjectInvariant.CacheFrame);
    flagSet(PG.pagecache, cached);
    frameOf(cached).index = 4;
    expectBroken(ObjectInvariant.CacheFrame);
    frameOf(cached).index = 5;
    frameOf(cached).mapping = 0;
    expectBroken(ObjectInvariant.CacheFrame);
    frameOf(cached).mapping = shared;
  });

  test("C1: a frame that says that it is cached, and is in no tree", () => {
    const pfn = frameAlloc(0);
    flagSet(PG.pagecache, pfn);
    expectBroken(ObjectInvariant.CacheFrame);
    flagClear(PG.pagecache, pfn);
    frameFree(pfn, 0);
  });

  test("C2: a count of pages that is not the cache's", () => {
    mappingOf(shared).pages += 1;
    expectBroken(ObjectInvariant.CacheShape);
    mappingOf(shared).pages -= 1;
  });

  test("C2: a node that counts wrongly, one that is empty, one that hangs nowhere", () => {
    const root = mappingOf(shared).root;
    store<u32>(usedOf(root), 2);
    expectBroken(ObjectInvariant.CacheShape);
    store<u32>(usedOf(root), 1);
    const node = poolAlloc(nodePool);
    expectBroken(ObjectInvariant.CacheShape);
    store<usize>(root + 8, node);
    store<u32>(usedOf(root), 2);
    expectBroken(ObjectInvariant.CacheFrame);
    store<usize>(root + 8, 0);
    store<u32>(usedOf(root), 1);
    poolFree(nodePool, node);
  });

  test("C3: fewer references than areas that show the file, or none", () => {
    const mapping = mappingOf(shared);
    expect<u32>(mapping.refs).toBe(5);
    mapping.refs = 3;
    expectBroken(ObjectInvariant.MappingRefs);
    mapping.refs = 5;
  });

  test("C3: a mapping that is there without a reference", () => {
    const lonely = file(1);
    mappingOf(lonely).refs = 0;
    expectBroken(ObjectInvariant.MappingRefs);
    mappingOf(lonely).refs = 1;
    closeFile(lonely);
  });
});
