// pagebell: the public names, with the engine inlined.

export { createMachine } from "./create.ts";
export * from "./public.ts";
