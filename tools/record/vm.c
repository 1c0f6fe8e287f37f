// KVM registers an mmu_notifier for the address space that asks for a virtual machine.

#include "vm.h"

#include <fcntl.h>
#include <linux/kvm.h>
#include <sys/ioctl.h>
#include <unistd.h>

static int kvm_fd = -1, vm_fd = -1;

bool vm_is_possible(void) {
  kvm_fd = open("/dev/kvm", O_RDWR | O_CLOEXEC);
  if (kvm_fd < 0) return false;
  int trial = ioctl(kvm_fd, KVM_CREATE_VM, 0);
  if (trial >= 0) return close(trial) == 0;
  close(kvm_fd);
  kvm_fd = -1;
  return false;
}

void vm_own(void) {
  if (kvm_fd < 0) return;
  if (vm_fd >= 0) close(vm_fd);
  vm_fd = ioctl(kvm_fd, KVM_CREATE_VM, 0);
  // The recorder finds a worker that is gone, and says so.
  if (vm_fd < 0) _exit(1);
}
