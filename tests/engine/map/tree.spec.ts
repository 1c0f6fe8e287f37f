// The tree against a set of numbers: what it holds, in which order, and how high it is.

import {
  TreeNode,
  treeCheck,
  treeFirst,
  treeInsert,
  treeNext,
  treeRemove,
  treeUpdate,
} from "../../../assembly/map/tree";
import { below, randomReset, seeded } from "../random";

const KEYS: u32 = 512;

/** A record whose augmentation is the sum of a value over its subtree. */
@unmanaged
class Item extends TreeNode {
  key: u32;
  value: u32;
  sum: u32;
  spare: u32;

  augment(): bool {
    let sum = this.value;
    if (this.left) sum += changetype<Item>(this.left).sum;
    if (this.right) sum += changetype<Item>(this.right).sum;
    const changed = sum != this.sum;
    this.sum = sum;
    return changed;
  }
}

const items = memory.data(32 * 512, 8);
const slot = memory.data(4, 8);
const held = new StaticArray<bool>(KEYS);

function itemAt(key: u32): Item {
  return changetype<Item>(items + <usize>key * 32);
}

function root(): usize {
  return load<usize>(slot);
}

function clear(): void {
  memory.fill(items, 0, 32 * 512);
  store<usize>(slot, 0);
  for (let key: u32 = 0; key < KEYS; key++) held[key] = false;
}

function insert(key: u32, value: u32): void {
  let parent: usize = 0;
  let onLeft = false;
  for (let at = root(); at; ) {
    parent = at;
    onLeft = key < changetype<Item>(at).key;
    at = onLeft ? changetype<Item>(at).left : changetype<Item>(at).right;
  }
  const item = itemAt(key);
  item.key = key;
  item.value = value;
  treeInsert<Item>(slot, changetype<usize>(item), parent, onLeft);
  held[key] = true;
}

function remove(key: u32): void {
  treeRemove<Item>(slot, changetype<usize>(itemAt(key)));
  held[key] = false;
}

/** Whether the tree has the keys that are held, in order, and sums them up at its root. */
function agrees(): bool {
  let sum: u32 = 0;
  let at = root() ? treeFirst(root()) : 0;
  for (let key: u32 = 0; key < KEYS; key++) {
    if (!held[key]) continue;
    if (at != changetype<usize>(itemAt(key))) return false;
    sum += itemAt(key).value;
    at = treeNext(at);
  }
  if (at || treeCheck(root(), 0)) return false;
  return !root() || changetype<Item>(root()).sum == sum;
}

function randomSteps(steps: u32, percentInsert: u32): u32 {
  let wrong: u32 = 0;
  for (let step: u32 = 0; step < steps; step++) {
    const key = below(KEYS);
    if (held[key]) {
      if (below(100) >= percentInsert) remove(key);
      else changeValue(key, below(1000));
    } else if (below(100) < percentInsert) {
      insert(key, below(1000));
    }
    if (!agrees()) wrong += 1;
  }
  return wrong;
}

function changeValue(key: u32, value: u32): void {
  itemAt(key).value = value;
  treeUpdate<Item>(slot, changetype<usize>(itemAt(key)));
}

function heightOf(count: u32, isRising: bool): i32 {
  clear();
  for (let at: u32 = 0; at < count; at++) insert(isRising ? at : count - 1 - at, 1);
  return changetype<Item>(root()).height;
}

describe("tree: an AVL tree that sums up", () => {
  beforeEach(clear);

  test(seeded("M1, M2: it holds what a set holds, growing, shrinking and changing"), () => {
    randomReset();
    expect<u32>(randomSteps(3000, 70)).toBe(0);
    expect<u32>(randomSteps(3000, 30)).toBe(0);
    expect<u32>(randomSteps(3000, 50)).toBe(0);
  });

  test("keys that only rise, or only fall, still make it as low as can be", () => {
    expect<i32>(heightOf(511, true)).toBe(9);
    expect<bool>(agrees()).toBe(true);
    expect<i32>(heightOf(511, false)).toBe(9);
    expect<bool>(agrees()).toBe(true);
  });

  test("every node of a full tree can be the one that goes", () => {
    for (let gone: u32 = 0; gone < 31; gone++) {
      clear();
      for (let key: u32 = 0; key < 31; key++) insert(key, key);
      remove(gone);
      expect<bool>(agrees()).toBe(true);
    }
  });

  test("the last node leaves an empty root", () => {
    insert(7, 1);
    remove(7);
    expect<usize>(root()).toBe(0);
    expect<bool>(agrees()).toBe(true);
  });

  test("a removed record keeps what is its own", () => {
    for (let key: u32 = 0; key < 8; key++) insert(key, key + 100);
    remove(3);
    expect<u32>(itemAt(3).key).toBe(3);
    expect<u32>(itemAt(3).value).toBe(103);
  });
});
