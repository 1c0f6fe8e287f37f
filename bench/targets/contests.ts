// Targets of the contests: beside Unicorn's regions, and Emscripten's mmap.

import { type Target, timesFaster } from "./target.ts";

export const contests: readonly Target[] = [
  timesFaster("regions-map-1", "unicorn", 100),
  timesFaster("regions-map-1000", "unicorn", 5_000),
  timesFaster("cycle-1", "emscripten", 1),
  timesFaster("cycle-512", "emscripten", 1),
  timesFaster("cycle-16384", "emscripten", 1),
  timesFaster("cycle-live-1000", "emscripten", 50),
];
