// An AVL tree over records that carry their own node, kept with parent links and an augmentation.
//
//   0        4        8        12       16
//  ┌────────┬────────┬────────┬────────┐
//  │ left   │ right  │ parent │ height │   every record of a tree begins with this
//  └────────┴────────┴────────┴────────┘
//
// A record class extends TreeNode and has `augment()`: recompute what the record says of its
// subtree from itself and its two children, and say whether that changed. A root lives in a slot
// (the address of a usize). An update climbs only as far as something changes.
//
// Invariants (checked by the users' checkers)
//   M1  Heights of siblings differ by at most one; height = 1 + the higher child's.
//   M2  A child's parent is the node; the root's parent is 0.

@unmanaged
export class TreeNode {
  left: usize;
  right: usize;
  parent: usize;
  height: i32;
}

function heightOf(node: usize): i32 {
  return node ? changetype<TreeNode>(node).height : 0;
}

/** Recomputes a node from its children. @returns whether its parent has to be looked at. */
function refresh<T>(node: usize): bool {
  const n = changetype<TreeNode>(node);
  const left = heightOf(n.left);
  const right = heightOf(n.right);
  const height = (left > right ? left : right) + 1;
  const grew = height != n.height;
  n.height = height;
  return changetype<T>(node).augment() || grew;
}

/** Puts `to` where `from` hangs. */
function replaceChild(slot: usize, parent: usize, from: usize, to: usize): void {
  if (!parent) store<usize>(slot, to);
  else if (changetype<TreeNode>(parent).left == from) changetype<TreeNode>(parent).left = to;
  else changetype<TreeNode>(parent).right = to;
  if (to) changetype<TreeNode>(to).parent = parent;
}

function rotateLeft<T>(slot: usize, node: usize): usize {
  const n = changetype<TreeNode>(node);
  const pivot = n.right;
  const p = changetype<TreeNode>(pivot);
  replaceChild(slot, n.parent, node, pivot);
  n.right = p.left;
  if (p.left) changetype<TreeNode>(p.left).parent = node;
  p.left = node;
  n.parent = pivot;
  refresh<T>(node);
  refresh<T>(pivot);
  return pivot;
}

function rotateRight<T>(slot: usize, node: usize): usize {
  const n = changetype<TreeNode>(node);
  const pivot = n.left;
  const p = changetype<TreeNode>(pivot);
  replaceChild(slot, n.parent, node, pivot);
  n.left = p.right;
  if (p.right) changetype<TreeNode>(p.right).parent = node;
  p.right = node;
  n.parent = pivot;
  refresh<T>(node);
  refresh<T>(pivot);
  return pivot;
}

/** Rotates a node whose sides differ by two. @returns the root of its subtree. */
function balance<T>(slot: usize, node: usize): usize {
  const n = changetype<TreeNode>(node);
  const lean = heightOf(n.left) - heightOf(n.right);
  if (lean > 1) {
    const left = changetype<TreeNode>(n.left);
    if (heightOf(left.left) < heightOf(left.right)) rotateLeft<T>(slot, n.left);
    return rotateRight<T>(slot, node);
  }
  if (lean < -1) {
    const right = changetype<TreeNode>(n.right);
    if (heightOf(right.right) < heightOf(right.left)) rotateRight<T>(slot, n.right);
    return rotateLeft<T>(slot, node);
  }
  return node;
}

/** Restores M1 and the augmentation from `node`, which has changed, upwards. */
export function treeUpdate<T>(slot: usize, node: usize): void {
  let at = node;
  while (at) {
    const changed = refresh<T>(at);
    const top = balance<T>(slot, at);
    if (!changed && top == at) return;
    at = changetype<TreeNode>(top).parent;
  }
}

/** Hangs `node` below `parent` (0: the tree is empty) on the side that the caller found. */
export function treeInsert<T>(slot: usize, node: usize, parent: usize, onLeft: bool): void {
  const n = changetype<TreeNode>(node);
  n.left = 0;
  n.right = 0;
  n.parent = parent;
  if (!parent) store<usize>(slot, node);
  else if (onLeft) changetype<TreeNode>(parent).left = node;
  else changetype<TreeNode>(parent).right = node;
  refresh<T>(node);
  treeUpdate<T>(slot, parent);
}

/** Takes `node` out. Its record is otherwise untouched. */
export function treeRemove<T>(slot: usize, node: usize): void {
  const n = changetype<TreeNode>(node);
  let from: usize;
  let heir: usize = 0;
  if (n.left && n.right) {
    heir = treeFirst(n.right);
    const h = changetype<TreeNode>(heir);
    from = h.parent == node ? heir : h.parent;
    if (h.parent != node) {
      replaceChild(slot, h.parent, heir, h.right);
      h.right = n.right;
      changetype<TreeNode>(h.right).parent = heir;
    }
    h.left = n.left;
    changetype<TreeNode>(h.left).parent = heir;
    replaceChild(slot, n.parent, node, heir);
  } else {
    from = n.parent;
    replaceChild(slot, n.parent, node, n.left ? n.left : n.right);
  }
  if (from) treeUpdate<T>(slot, from);
  if (!heir) return;
  // What the heir says of itself is of the place it had: whether it changed tells nothing, and the
  // node above is looked at in any case.
  refresh<T>(heir);
  treeUpdate<T>(slot, changetype<TreeNode>(balance<T>(slot, heir)).parent);
}

/** Leftmost node below `node`, which must not be 0. */
export function treeFirst(node: usize): usize {
  let at = node;
  while (changetype<TreeNode>(at).left) at = changetype<TreeNode>(at).left;
  return at;
}

/** In-order successor, or 0. */
export function treeNext(node: usize): usize {
  const n = changetype<TreeNode>(node);
  if (n.right) return treeFirst(n.right);
  let child = node;
  let at = n.parent;
  while (at && changetype<TreeNode>(at).right == child) {
    child = at;
    at = changetype<TreeNode>(at).parent;
  }
  return at;
}

/** 0 when M1 and M2 hold below `node`, else 1 or 2. */
export function treeCheck(node: usize, parent: usize): u32 {
  if (!node) return 0;
  const n = changetype<TreeNode>(node);
  if (n.parent != parent) return 2;
  const left = heightOf(n.left);
  const right = heightOf(n.right);
  if (n.height != (left > right ? left : right) + 1 || abs(left - right) > 1) return 1;
  const bad = treeCheck(n.left, node);
  return bad ? bad : treeCheck(n.right, node);
}
