// Lines of the recording. Nothing in them comes from outside, so nothing needs to be escaped.

#include "print.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/utsname.h>

#include "escape.h"
#include "fail.h"

#define HEX(name) "\"" name "\":\"%" PRIx64 "\""
#define NUMBER(name) "\"" name "\":%" PRIu64

static const char *const NAMES[] = {
    [OP_MMAP] = "mmap",       [OP_MUNMAP] = "munmap",   [OP_MPROTECT] = "mprotect",
    [OP_MREMAP] = "mremap",   [OP_MADVISE] = "madvise", [OP_MLOCK] = "mlock",
    [OP_MUNLOCK] = "munlock", [OP_MINCORE] = "mincore", [OP_MSYNC] = "msync",
    [OP_READ] = "read",       [OP_WRITE] = "write",     [OP_FREAD] = "fread",
    [OP_FWRITE] = "fwrite",   [OP_FORK] = "fork",       [OP_EXIT] = "exit",
    [OP_FTRUNCATE] = "ftruncate", [OP_PUNCH] = "punch", [OP_BRK] = "brk",
};

static const struct {
  int number;
  const char *name;
} ERRORS[] = {
    {EPERM, "EPERM"},   {ENOENT, "ENOENT"}, {EIO, "EIO"},       {EBADF, "EBADF"},
    {EAGAIN, "EAGAIN"}, {ENOMEM, "ENOMEM"}, {EACCES, "EACCES"}, {EFAULT, "EFAULT"},
    {EBUSY, "EBUSY"},   {EEXIST, "EEXIST"}, {ENODEV, "ENODEV"}, {EINVAL, "EINVAL"},
    {EFBIG, "EFBIG"},   {ENOSPC, "ENOSPC"}, {ETXTBSY, "ETXTBSY"}, {EOVERFLOW, "EOVERFLOW"},
    {EOPNOTSUPP, "EOPNOTSUPP"},
};

static const char *error_name(int number) {
  for (size_t i = 0; i < sizeof ERRORS / sizeof *ERRORS; i++) {
    if (ERRORS[i].number == number) return ERRORS[i].name;
  }
  fail(EXIT_REFUSED, "the kernel answered with error %d, which has no name here", number);
}

/** As far as the comma behind it. */
static void print_kernel(void) {
  struct utsname system;
  if (uname(&system) != 0) fail_call("uname");
  printf("{\"format\":\"mm-run/1\",\"kernel\":\"%s %s %s\"," NUMBER("pageSize") ",",
         system.sysname, system.release, system.machine, (uint64_t)PAGE_BYTES);
}

void print_program_header(char **words) {
  print_kernel();
  printf(HEX("mmapBase") ",\"program\":[", MMAP_BASE);
  for (int i = 0; words[i] != NULL; i++) {
    if (i > 0) putchar(',');
    print_text(words[i]);
  }
  printf("]}\n");
}

void print_header(const struct options *options, const struct file *files) {
  print_kernel();
  printf("\"profile\":\"%s\"," NUMBER("seed") "," NUMBER("ops") "," NUMBER("span"),
         options->profile->name, options->seed, options->ops, options->span_pages);
  struct arena arena = options->profile->arena;
  printf(",\"arena\":[\"%" PRIx64 "\",\"%" PRIx64 "\"],\"files\":[", arena.start, arena.end);
  for (int i = 0; files != NULL && i < FILES; i++) {
    const char *type = files[i].is_on_disk ? "disk" : "memfd";
    printf("%s{\"name\":\"f%d\",\"type\":\"%s\"," NUMBER("size") "}", i > 0 ? "," : "", i, type,
           files_bytes(options->profile, i));
  }
  putchar(']');
  if (options->profile->pool > 0) printf(",\"hugePages\":%" PRId64, options->profile->pool);
  if (options->profile->is_placed) printf("," HEX("mmapBase"), MMAP_BASE);
  printf("}\n");
}

static void print_range(const struct call *call) {
  printf("," HEX("addr") "," NUMBER("len"), call->addr, call->len);
}

static void print_arguments(const struct call *call, int child) {
  switch (call->op) {
    case OP_MMAP:
      print_range(call);
      printf(",\"prot\":%d,\"flags\":%d,\"file\":%d," NUMBER("off"), call->prot, call->flags,
             call->file, call->off);
      break;
    case OP_MPROTECT: print_range(call); printf(",\"prot\":%d", call->prot); break;
    case OP_MADVISE: print_range(call); printf(",\"advice\":%d", call->advice); break;
    case OP_MSYNC: print_range(call); printf(",\"flags\":%d", call->flags); break;
    case OP_MUNMAP:
    case OP_MLOCK:
    case OP_MUNLOCK:
    case OP_MINCORE: print_range(call); break;
    case OP_MREMAP:
      printf("," HEX("addr") "," NUMBER("oldLen") "," NUMBER("newLen"), call->addr, call->len,
             call->new_len);
      printf(",\"flags\":%d," HEX("newAddr"), call->flags, call->new_addr);
      break;
    case OP_READ: printf("," HEX("addr"), call->addr); break;
    case OP_WRITE: printf("," HEX("addr") ",\"byte\":%d", call->addr, call->byte); break;
    case OP_FREAD: printf(",\"file\":%d," NUMBER("off"), call->file, call->off); break;
    case OP_FWRITE:
      printf(",\"file\":%d," NUMBER("off") ",\"byte\":%d", call->file, call->off, call->byte);
      break;
    case OP_FTRUNCATE: printf(",\"file\":%d," NUMBER("size"), call->file, call->len); break;
    case OP_PUNCH:
      printf(",\"file\":%d," NUMBER("off") "," NUMBER("len"), call->file, call->off, call->len);
      break;
    case OP_BRK: printf("," HEX("addr"), call->addr); break;
    case OP_FORK: printf(",\"child\":%d", child); break;
    case OP_EXIT: break;
  }
}

static void print_resident(const struct call *call, const struct reply *reply) {
  printf("\"ret\":\"");
  for (uint64_t i = 0; i < call->len / PAGE_BYTES; i++) putchar('0' + (reply->resident[i] & 1));
  putchar('"');
}

static bool answers_address(enum operation op) {
  return op == OP_MMAP || op == OP_MREMAP || op == OP_BRK;
}

static void print_result(const struct call *call, const struct reply *reply) {
  if (reply->signal != 0) {
    const char *name = reply->signal == SIGSEGV ? "SIGSEGV" : "SIGBUS";
    printf("\"signal\":\"%s\",\"code\":%d", name, reply->code);
  } else if (reply->error != 0) {
    printf("\"errno\":\"%s\"", error_name(reply->error));
  } else if (answers_address(call->op)) {
    printf(HEX("ret"), (uint64_t)reply->ret);
  } else if (call->op == OP_MINCORE) {
    print_resident(call, reply);
  } else if (call->op == OP_FREAD && reply->count == 0) {
    printf("\"ret\":null");
  } else {
    printf("\"ret\":%" PRId64, reply->ret);
  }
}

/** Where huge pages run out, an access may take one from another process. */
static bool may_steal(const struct call *call) {
  switch (call->op) {
    case OP_WRITE:
    case OP_MLOCK:
    case OP_MMAP: return true;
    case OP_MADVISE: return call->advice == MADV_POPULATE_WRITE;
    default: return false;
  }
}

/** Whose pages the ranges are: those of the process that acts, or of whoever maps them. */
static bool reaches_others(const struct call *call) {
  switch (call->op) {
    case OP_FTRUNCATE:
    case OP_PUNCH:
    case OP_FWRITE:
    case OP_MSYNC: return true;
    case OP_MADVISE: return call->advice == MADV_REMOVE || call->advice == MADV_PAGEOUT;
    default: return false;
  }
}

static void print_notices(int proc, const struct notices *notices) {
  printf(",\"notified\":[");
  for (int i = 0; i < notices->count; i++) {
    const struct notice *notice = &notices->list[i];
    printf("%s[%d,\"%" PRIx64 "\",\"%" PRIx64 "\"]", i > 0 ? "," : "", proc, notice->start,
           notice->end);
  }
  putchar(']');
}

void print_operation(int proc, int child, const struct call *call, const struct reply *reply,
                     const struct notices *notices) {
  printf("{\"op\":\"%s\",\"proc\":%d", NAMES[call->op], proc);
  print_arguments(call, child);
  putchar(',');
  print_result(call, reply);
  bool is_anyones = reaches_others(call) || (notices->steals && may_steal(call));
  print_notices(is_anyones ? -1 : proc, notices);
  printf("}\n");
}

void print_fault(int proc, uint64_t address, bool is_write, const struct notices *notices) {
  printf("{\"op\":\"fault\",\"proc\":%d," HEX("addr") ",\"write\":%s", proc, address,
         is_write ? "true" : "false");
  print_notices(proc, notices);
  printf("}\n");
}

void print_exit(int proc) {
  printf("{\"op\":\"exit\",\"proc\":%d,\"notified\":[]}\n", proc);
}
