// One stopped task of a program: what can be asked of it, and made to do.

#ifndef RECORD_TRACEE_H
#define RECORD_TRACEE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/** The descriptors that a program gets: of /dev/kvm, and of the machine that is told. */
#define TRACEE_KVM_FD 900
#define TRACEE_VM_FD 901

/** Makes a breakpoint of the processor where the program itself begins: it changes no page. */
void tracee_stop_at_entry(pid_t tid);

/** Takes it away again. */
void tracee_forget_entry(pid_t tid);

/**
 * Makes a virtual machine that the task's address space owns. False where it has no TRACEE_KVM_FD.
 * Precondition: the task is stopped, and in no system call.
 */
bool tracee_own_vm(pid_t tid);

/** Whether it was killed meanwhile; then nobody else will hear of its end. */
bool tracee_is_gone(pid_t tid);

/** Keeps the program from closing the two descriptors. Precondition: it enters a system call. */
void tracee_keep_files(pid_t tid, uint64_t number, const uint64_t arguments[6]);

#endif
