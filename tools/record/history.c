// A queue: records are added where they begin and printed from its other end.

#include "history.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "fail.h"
#include "print.h"

enum kind { FAULT, CALL, EXIT, NOTHING };

struct record {
  struct record *next;
  enum kind kind;
  bool is_closed;
  int proc, child;
  struct call call;
  struct reply reply;
  bool is_write;
  struct notices *notices;
};

static struct record *first, *last;
static uint64_t printed;

static struct record *add(enum kind kind, int proc) {
  struct record *record = calloc(1, sizeof *record);
  if (record == NULL) fail_call("calloc");
  record->kind = kind;
  record->proc = proc;
  if (last == NULL) first = record;
  else last->next = record;
  last = record;
  return record;
}

struct record *history_fault(int proc, uint64_t address, bool is_write) {
  struct record *record = add(FAULT, proc);
  record->call.addr = address;
  record->is_write = is_write;
  return record;
}

struct record *history_call(int proc, const struct call *call) {
  struct record *record = add(CALL, proc);
  record->call = *call;
  return record;
}

void history_answer(struct record *record, int64_t ret) {
  if (record == NULL || record->is_closed || record->kind != CALL) return;
  if (record->call.op == OP_FORK) record->kind = NOTHING;
  bool is_error = ret < 0 && ret > -4096;
  record->reply.error = is_error ? (int)-ret : 0;
  record->reply.ret = ret;
  record->is_closed = true;
}

bool history_is_call(const struct record *record) {
  return record != NULL && record->kind == CALL;
}

void history_forked(struct record *record, int child) {
  if (record == NULL || record->is_closed) return;
  record->child = child;
  record->is_closed = true;
}

void history_exit(int proc) {
  add(EXIT, proc)->is_closed = true;
}

void history_drop(struct record *record) {
  if (record == NULL || record->is_closed) return;
  record->kind = NOTHING;
  record->is_closed = true;
}

void history_settle(struct record *record) {
  if (record != NULL && record->kind == FAULT) record->is_closed = true;
}

void history_notice(struct record *record, uint64_t start, uint64_t end) {
  if (record == NULL || record->is_closed) return;
  if (record->notices == NULL) record->notices = calloc(1, sizeof *record->notices);
  struct notices *notices = record->notices;
  if (notices == NULL) fail_call("calloc");
  if (notices->count == NOTICES_MAX) fail(EXIT_REFUSED, "too many notices of one operation");
  notices->list[notices->count++] = (struct notice){.start = start, .end = end};
}

static void print(const struct record *record) {
  static const struct notices none;
  const struct notices *notices = record->notices == NULL ? &none : record->notices;
  switch (record->kind) {
    case NOTHING: return;
    case FAULT: print_fault(record->proc, record->call.addr, record->is_write, notices); break;
    case EXIT: print_exit(record->proc); break;
    case CALL:
      print_operation(record->proc, record->child, &record->call, &record->reply, notices);
      break;
  }
  printed++;
}

bool history_print(void) {
  while (first != NULL && first->is_closed) {
    struct record *record = first;
    first = record->next;
    if (first == NULL) last = NULL;
    print(record);
    free(record->notices);
    free(record);
  }
  return first == NULL;
}

uint64_t history_printed(void) {
  return printed;
}
