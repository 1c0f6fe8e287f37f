// What the command line answers to whoever started it.

export enum ExitCode {
  Done = 0,
  /** The engine disagrees with the kernel, or changed a page without a notice. */
  Disagrees = 1,
  /** A file that cannot be used, or arguments that cannot. */
  BadInput = 2,
  Bug = 70,
}
