// The rest of the pool is filled here: only promised, it would be there for void promises.

#include "pool.h"

#include <inttypes.h>
#include <stdio.h>
#include <sys/mman.h>

#include "call.h"
#include "fail.h"

/** Free pages that are not of the recording, and promises that are not. */
static int64_t kept, lost;

#define FOLDER "/sys/kernel/mm/hugepages/hugepages-2048kB/"

/** What is below 0 is shown as if it had wrapped. */
static int64_t number_in(const char *path) {
  uint64_t number;
  FILE *file = fopen(path, "re");
  if (file == NULL) fail(EXIT_REFUSED, "%s cannot be read: has this kernel huge pages? %m", path);
  if (fscanf(file, "%" SCNu64, &number) != 1) fail(EXIT_REFUSED, "%s is not understood", path);
  fclose(file);
  return (int64_t)number;
}

struct pool pool_now(void) {
  return (struct pool){.free = number_in(FOLDER "free_hugepages") - kept,
                       .promised = number_in(FOLDER "resv_hugepages") - lost};
}

/** Pages beyond the pool would come while there is memory. */
static void expect_no_surplus(void) {
  if (number_in(FOLDER "nr_overcommit_hugepages") == 0) return;
  fail(EXIT_REFUSED, "the pool may grow; it must not: vm.nr_overcommit_hugepages=0");
}

static void take(int64_t pages) {
  int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB | MAP_POPULATE;
  size_t bytes = (size_t)pages * HUGE_BYTES;
  void *taken = mmap(NULL, bytes, PROT_READ | PROT_WRITE, flags, -1, 0);
  if (taken == MAP_FAILED) fail_call("MAP_HUGETLB");
  if (madvise(taken, bytes, MADV_DONTFORK) != 0) fail_call("MADV_DONTFORK");
}

void pool_open(int64_t pages) {
  expect_no_surplus();
  struct pool pool = pool_now();
  int64_t available = pool.free - pool.promised;
  if (available < pages) {
    fail(EXIT_REFUSED, "%" PRId64 " huge pages are free, and it takes %" PRId64
         ": vm.nr_hugepages", available, pages);
  }
  if (available > pages) take(available - pages);
  // What was promised to others before is not ours.
  pool = pool_now();
  lost = pool.promised;
  kept = pool.free - pages;
}
