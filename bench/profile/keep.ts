// Keeps a profile where Chromium's developer tools, or an editor, can open it.

import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { ROOT } from "../root.ts";
import type { CpuProfile } from "./hot.ts";

/** Its path in the tree. */
export async function keepProfile(name: string, profile: CpuProfile): Promise<string> {
  const path = `build/profile/${name}.cpuprofile`;
  await mkdir(join(ROOT, "build/profile"), { recursive: true });
  await writeFile(join(ROOT, path), JSON.stringify(profile));
  return path;
}
