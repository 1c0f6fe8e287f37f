// Small lists are arrays here: most brackets have one member, and most of the rest a handful.

/** Takes `item` out of `list`; whether it was there. */
export function remove<T>(list: T[], item: T): boolean {
  const index = list.indexOf(item);
  if (index < 0) return false;
  list.splice(index, 1);
  return true;
}
