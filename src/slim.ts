// pagebell/slim: the public names, with an engine that the caller brings.

export { createMachine, type SlimMachineOptions } from "./create-slim.ts";
export * from "./public.ts";
