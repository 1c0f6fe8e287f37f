// The recordings of the demo: what a program did to its memory on a real Linux kernel.

import bashAddress from "../tests/fixtures/kernel-runs/programs/bash.jsonl.gz?url";
import pythonAddress from "../tests/fixtures/kernel-runs/programs/python-fork.jsonl.gz?url";

export interface DemoRecording {
  readonly id: string;
  readonly title: string;
  readonly about: string;
  readonly address: string;
}

export const RECORDINGS: readonly DemoRecording[] = [
  {
    id: "bash",
    title: "bash",
    about: "A shell that runs commands: fork, exec, file mappings, a heap that grows.",
    address: bashAddress,
  },
  {
    id: "python-fork",
    title: "python, forking",
    about: "A parent and its children share pages until somebody writes: copy on write, at length.",
    address: pythonAddress,
  },
];
