// Progress while a recording is replayed: a bar on a terminal, nothing anywhere else.

import { Presets, SingleBar } from "cli-progress";

export interface Progress {
  begin(name: string): void;
  readonly update: (done: number, total: number) => void;
  end(): void;
}

const FORMAT = "{bar} {percentage}%  {name}";

const SILENT: Progress = { begin() {}, update() {}, end() {} };

/** A bar on stderr, so that stdout stays what was asked for. */
export function progress(): Progress {
  if (!process.stderr.isTTY) return SILENT;
  const options = { format: FORMAT, clearOnComplete: true, hideCursor: true, barsize: 32 };
  const bar = new SingleBar(options, Presets.shades_classic);
  return {
    begin: (name) => bar.start(1, 0, { name }),
    update(done, total) {
      bar.setTotal(total);
      bar.update(done);
    },
    end: () => bar.stop(),
  };
}
