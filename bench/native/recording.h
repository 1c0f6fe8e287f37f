// A recording's calls, made again by real processes: bench/recording.bench.ts writes the script.

#pragma once

void recording_prepare(const long *numbers);
void recording_run(void);
void recording_outcome(void);
