// What the build chose, under names of our own.
//
// `--use NAME=0|1` defines a global constant; a module that exported the same name would hide it
// from itself, so it is read here and given out again by `assert.ts`.
//
// Written by: nobody. Read by: mem/assert.ts only.

/** False where the build said `CONFIG_EXPORT_NOTIFIER=0`; true when it said nothing. */
export const NOTIFIER_BUILT_IN: bool = isDefined(CONFIG_EXPORT_NOTIFIER)
  ? <bool>CONFIG_EXPORT_NOTIFIER
  : true;

/** True where the build said `MM_CHECK=1`. */
export const CHECKS_BUILT_IN: bool = isDefined(MM_CHECK) ? <bool>MM_CHECK : false;
