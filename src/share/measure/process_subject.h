// SPDX-License-Identifier: Apache-2.0
#pragma once
// Live processes, and the guest RAM of virtual machines, as Subjects.
//
// Nothing is changed by reading (Documentation/admin-guide/mm/pagemap.rst, mm/ksm.c): each 2 MiB is
// first looked up in /proc/PID/pagemap; only pages that are present are read, and through
// /proc/PID/mem, which neither pins a page nor breaks KSM's sharing as process_vm_readv does. What
// can't be avoided is that a page's referenced bit gets set, which moves the order of reclaim:
// every page is read once, and once more for what asks for it (confirm, second look, patching).
// LIMIT: a page that is swapped out, or dropped, between the look into pagemap and the read (under
// a millisecond) is brought in again.
//
// Which memory: all mappings of the process except device memory (VmFlags io, pf), the kernel's own
// pages ([vvar], [vsyscall], [vdso]), and address space set aside without any right to use it
// (PROT_NONE and nothing resident). Of a VM: the guest RAM that host/qemu.h found. Pages of a file
// or a memfd that are in memory but not mapped by this process are `absent`.
//
// Which process: its pid and start time, compared before and after each part. The descriptors of
// pagemap and mem, opened once, stand for the address space, not for the pid: after an exec they
// show nothing, so that no page of the new program is ever taken for one of the old, and a process
// that is alive while its old address space is not has exec'd.
//
// readable_pages() is what was resident when the subject was opened; a process that grows
// meanwhile, or has the kernel's zero page mapped, delivers more. Its mappings are those it had
// then. LIMIT: terabytes of reserved address space with something resident in it (sanitizers'
// shadow memory) take half a minute to step over, and minutes before Linux 6.7, which has
// PAGEMAP_SCAN.

#include "base/result.h"
#include "host/host.h"
#include "host/qemu.h"
#include "share/measure/subject.h"

#include <memory>

namespace brim::share {

// `missing`: no such process; `denied`: another user's; `bad_input`: brim itself, a kernel thread.
// `host` is used during the call only.
[[nodiscard]] Result<std::unique_ptr<Subject>> open_process_subject(const host::Host& host,
                                                                    int pid);

// `gone` if the VM's process is not the one that was discovered any more.
[[nodiscard]] Result<std::unique_ptr<Subject>> open_vm_subject(const host::Host& host,
                                                               const host::VirtualMachine& machine);

}  // namespace brim::share
