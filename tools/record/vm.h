// A virtual machine that a process owns: an empty one, there only to be told of invalidations.

#ifndef RECORD_VM_H
#define RECORD_VM_H

#include <stdbool.h>

/** Whether a process here can own one; else errno says why not. */
bool vm_is_possible(void);

/**
 * Makes one for the address space of the caller, who is told from now on. What a child got from
 * its parent is of the parent's address space; it is closed.
 */
void vm_own(void);

#endif
