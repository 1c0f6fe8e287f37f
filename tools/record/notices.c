// kvm_unmap_hva_range: KVM traces it when it is told of the start of an invalidation.

#include "notices.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "fail.h"
#include "trace.h"
#include "vm.h"

#define EVENT "kvm/kvm_unmap_hva_range"

static bool is_open;

bool notices_open(struct arena arena) {
  char filter[96];
  snprintf(filter, sizeof filter, "start < 0x%" PRIx64 " && end > 0x%" PRIx64, arena.end,
           arena.start);
  const char *lacks = vm_is_possible() ? NULL : "/dev/kvm";
  if (lacks == NULL && !(trace_open() && trace_enable(EVENT, filter))) lacks = TRACE_FOLDER;
  is_open = lacks == NULL;
  if (!is_open) {
    fprintf(stderr, "record: without notices, as there is no %s here: %s\n", lacks,
            strerror(errno));
  }
  return is_open;
}

void notices_follow(pid_t pid) {
  if (is_open) trace_follow(pid);
}

/** "…: kvm_unmap_hva_range: mmu notifier unmap range: 0x00010000000 -- 0x00010001000" */
static bool parse(const char *line, struct notice *notice) {
  const char *words = strstr(line, "unmap range: ");
  if (words == NULL) return false;
  return sscanf(words, "unmap range: %" SCNx64 " -- %" SCNx64, &notice->start, &notice->end) == 2;
}

void notices_take(struct notices *notices) {
  notices->count = 0;
  char *line;
  while ((line = trace_line()) != NULL) {
    if (notices->count == NOTICES_MAX) fail(EXIT_REFUSED, "too many notices of one operation");
    if (!parse(line, &notices->list[notices->count])) {
      fail(EXIT_REFUSED, "the trace has a line that is not understood: %s", line);
    }
    notices->count++;
  }
}
