// pagebell/sync: the public names, with a machine that is there at once.

export { createMachineSync } from "./create-sync.ts";
export * from "./public.ts";
