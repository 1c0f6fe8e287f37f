// Calls on a file itself: its bytes, its size, its holes.

#include "draw.h"
#include "files.h"

#define HOLE_PAGES_MAX 5
/** Where a hole begins that does not begin with a page. */
#define HOLE_SKEW 100

/** ext4 zeroes behind the end of a file at moments of its own; its size stays as it is. */
static int file_in_memory(struct chooser *chooser) {
  int file = (int)below(chooser, FILES);
  return file == DISK_FILE && !chooser->profile->is_in_memory ? 0 : file;
}

static void choose_size(struct chooser *chooser, struct call *call) {
  call->op = OP_FTRUNCATE;
  call->file = file_in_memory(chooser);
  uint64_t bytes = files_bytes(chooser->profile, call->file);
  call->len = bytes;
  if (once_in(chooser, 2)) return;
  call->len = below(chooser, bytes + 4 * PAGE_BYTES);
  if (once_in(chooser, 2)) call->len &= ~(PAGE_BYTES - 1);
}

static void choose_hole(struct chooser *chooser, struct call *call) {
  call->op = OP_PUNCH;
  call->file = file_in_memory(chooser);
  uint64_t pages = files_bytes(chooser->profile, call->file) / PAGE_BYTES;
  call->off = below(chooser, pages + 1) * PAGE_BYTES;
  call->len = (1 + below(chooser, HOLE_PAGES_MAX)) * PAGE_BYTES;
  if (once_in(chooser, 3)) call->off += HOLE_SKEW;
  if (once_in(chooser, 4)) call->len -= below(chooser, PAGE_BYTES);
}

/** One byte. A write behind the end makes a file in memory longer; a read there finds nothing. */
static void choose_byte(struct chooser *chooser, struct call *call) {
  call->op = once_in(chooser, 2) ? OP_FREAD : OP_FWRITE;
  call->file = (int)below(chooser, FILES);
  uint64_t bytes = files_bytes(chooser->profile, call->file);
  bool may_grow = call->op == OP_FREAD || call->file != DISK_FILE;
  call->off = below(chooser, may_grow ? bytes + PAGE_BYTES : bytes);
  if (call->op == OP_FWRITE) call->byte = (int)below(chooser, 256);
}

void choose_file(struct chooser *chooser, struct call *call) {
  uint64_t kind = below(chooser, 4);
  if (kind == 0) {
    choose_size(chooser, call);
  } else if (kind == 1) {
    choose_hole(chooser, call);
  } else {
    choose_byte(chooser, call);
  }
}
