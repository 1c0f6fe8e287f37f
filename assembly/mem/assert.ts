// The two switches of a build.
//
// Written by: nobody, they are constants. Read by: everyone. A branch on one of them leaves no
// instruction behind in a build that has it off, and an assert that is off needs no `abort` import.

/** True in builds that verify contracts and invariants as they go (`--use MM_CHECK=1`). */
export { CHECKS_BUILT_IN as CHECK } from "./config";

/** True when exports and their notices are compiled in, as the patch's Kconfig option. */
export { NOTIFIER_BUILT_IN as CONFIG_EXPORT_NOTIFIER } from "./config";
