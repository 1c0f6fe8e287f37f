// A tree of its own with a copy of scripts/ in it, so that no test meets the build of this one.

import { execFile } from "node:child_process";
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const SCRIPTS = fileURLToPath(new URL("../../scripts", import.meta.url));

export class Tree {
  readonly root: string;

  private constructor(root: string) {
    this.root = root;
  }

  static async make(): Promise<Tree> {
    const root = await mkdtemp(join(tmpdir(), "pagebell-tree-"));
    await cp(SCRIPTS, join(root, "scripts"), { recursive: true });
    return new Tree(root);
  }

  async write(path: string, text: string): Promise<void> {
    await mkdir(dirname(join(this.root, path)), { recursive: true });
    await writeFile(join(this.root, path), text);
  }

  read(path: string): Promise<string> {
    return readFile(join(this.root, path), "utf8");
  }

  /** Runs a module that stands in scripts/ of this tree; its stdout. */
  run(source: string): Promise<string> {
    const args = ["--input-type=module", "--eval", source];
    return new Promise((resolve, reject) => {
      execFile(process.execPath, args, { cwd: join(this.root, "scripts") }, (error, stdout) => {
        if (error === null) resolve(stdout);
        else reject(error);
      });
    });
  }

  remove(): Promise<void> {
    return rm(this.root, { recursive: true, force: true });
  }
}
