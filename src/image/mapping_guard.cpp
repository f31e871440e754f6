// SPDX-License-Identifier: Apache-2.0
#include "image/mapping_guard.h"

#include <atomic>
#include <cerrno>
#include <mutex>

#include <signal.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace brim::image {

// A list that only grows; entries are reused, never freed, so that the handler may walk it at any
// time. `end` is 0 while the entry is unused or changing: the range [x, 0) holds nothing.
struct MappingGuard::Entry {
  std::atomic<std::uintptr_t> begin{0};
  std::atomic<std::uintptr_t> end{0};
  std::atomic<std::uintptr_t> page_size{0};
  std::atomic<bool> failed{false};
  bool used = false;  // under the writers' lock
  Entry* next = nullptr;
};

namespace {

using Entry = MappingGuard::Entry;

std::atomic<Entry*> first_entry{nullptr};
struct sigaction previous_action;
static_assert(std::atomic<std::uintptr_t>::is_always_lock_free);
static_assert(std::atomic<bool>::is_always_lock_free);

std::mutex& writers_lock() {
  static std::mutex lock;
  return lock;
}

// Async-signal-safe. The raw call, because sanitizers wrap mmap() in code that is not.
bool put_zeros(std::uintptr_t address, std::uintptr_t end) {
  const long mapped = ::syscall(SYS_mmap, address, end - address, PROT_READ,
                                MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_NORESERVE, -1, 0L);
  return mapped == static_cast<long>(address);
}

// Whether the address was in a guarded mapping and is readable now.
bool mend(std::uintptr_t address) {
  for (Entry* entry = first_entry.load(std::memory_order_acquire); entry != nullptr;
       entry = entry->next) {
    const std::uintptr_t end = entry->end.load(std::memory_order_acquire);
    const std::uintptr_t begin = entry->begin.load(std::memory_order_acquire);
    const std::uintptr_t page_size = entry->page_size.load(std::memory_order_acquire);
    if (entry->end.load(std::memory_order_acquire) != end) continue;  // changing: not ours
    if (address < begin || address >= end) continue;
    entry->failed.store(true, std::memory_order_release);
    return put_zeros(address - ((address - begin) % page_size), end);
  }
  return false;
}

void pass_on(int number, siginfo_t* info, void* context) {
  if ((previous_action.sa_flags & SA_SIGINFO) != 0) {
    previous_action.sa_sigaction(number, info, context);
    return;
  }
  if (previous_action.sa_handler != SIG_DFL && previous_action.sa_handler != SIG_IGN) {
    previous_action.sa_handler(number);
    return;
  }
  const bool sent = info->si_code <= 0;  // by kill() or raise(), not by a memory access
  if (sent && previous_action.sa_handler == SIG_IGN) return;
  struct sigaction action = {};
  action.sa_handler = SIG_DFL;
  ::sigaction(number, &action, nullptr);
  if (sent) ::raise(number);  // otherwise the access is repeated and ends the process
}

void on_sigbus(int number, siginfo_t* info, void* context) {
  const int saved_errno = errno;
  const bool by_access = info->si_code > 0;
  if (!by_access || !mend(reinterpret_cast<std::uintptr_t>(info->si_addr)))
    pass_on(number, info, context);
  errno = saved_errno;
}

void install_handler() {
  struct sigaction action = {};
  action.sa_sigaction = on_sigbus;
  action.sa_flags = SA_SIGINFO | SA_ONSTACK;
  ::sigemptyset(&action.sa_mask);
  ::sigaction(SIGBUS, nullptr, &previous_action);  // known before ours can run
  ::sigaction(SIGBUS, &action, nullptr);
}

Entry* unused_entry() {
  for (Entry* entry = first_entry.load(); entry != nullptr; entry = entry->next)
    if (!entry->used) return entry;
  auto* entry = new Entry;  // kept for the life of the process
  entry->next = first_entry.load();
  first_entry.store(entry, std::memory_order_release);
  return entry;
}

}  // namespace

MappingGuard::MappingGuard(const void* begin, std::size_t length, std::size_t page_size) {
  static std::once_flag installed;
  std::call_once(installed, install_handler);
  const std::lock_guard lock(writers_lock());
  entry_ = unused_entry();
  entry_->used = true;
  entry_->failed.store(false);
  entry_->begin.store(reinterpret_cast<std::uintptr_t>(begin));
  entry_->page_size.store(page_size);
  entry_->end.store(reinterpret_cast<std::uintptr_t>(begin) + length);
}

MappingGuard::~MappingGuard() {
  const std::lock_guard lock(writers_lock());
  entry_->end.store(0);
  entry_->used = false;
}

bool MappingGuard::failed() const { return entry_->failed.load(std::memory_order_acquire); }

}  // namespace brim::image
