// The two switches of a build.
//
// Written by: nobody, they are constants. Read by: everyone. A branch on one of them leaves no
// instruction behind in a build that has it off, and an assert that is off needs no `abort` import.
//
//   CHECK                   builds that verify contracts and invariants as they go
//   CONFIG_EXPORT_NOTIFIER  builds with exports and their notices, as the patch's Kconfig option

export { CHECKS_BUILT_IN as CHECK, NOTIFIER_BUILT_IN as CONFIG_EXPORT_NOTIFIER } from "./config";
