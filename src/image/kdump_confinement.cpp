// SPDX-License-Identifier: Apache-2.0
#include "image/kdump_confinement.h"

#include "base/fd.h"
#include "image/kdump_protocol.h"

#include <cerrno>

#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <unistd.h>

namespace brim::image::kdump {
namespace {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool kSanitized = true;
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
constexpr bool kSanitized = true;
#else
constexpr bool kSanitized = false;
#endif
#else
constexpr bool kSanitized = false;
#endif

constexpr uid_t kNobody = 65534;

// What libkdumpfile may allocate (bitmaps, page cache), brim's own memory at the time of opening
// included. A sanitizer's shadow is larger than any limit.
constexpr rlim_t kMemoryLimit = rlim_t{4} << 30;

// Reading at explicit places, memory, time and ending.
constexpr int kAllowed[] = {
    SCMP_SYS(read),         SCMP_SYS(pread64),   SCMP_SYS(lseek),         SCMP_SYS(fstat),
    SCMP_SYS(newfstatat),   SCMP_SYS(brk),       SCMP_SYS(munmap),        SCMP_SYS(mremap),
    SCMP_SYS(madvise),      SCMP_SYS(futex),     SCMP_SYS(exit_group),    SCMP_SYS(exit),
    SCMP_SYS(rt_sigreturn), SCMP_SYS(setitimer), SCMP_SYS(clock_gettime), SCMP_SYS(restart_syscall),
    SCMP_SYS(getrandom)};
// What the sanitizers' runtimes do besides.
constexpr int kAllowedSanitized[] = {
    SCMP_SYS(sched_yield), SCMP_SYS(sigaltstack), SCMP_SYS(rt_sigprocmask), SCMP_SYS(rt_sigaction),
    SCMP_SYS(getpid),      SCMP_SYS(gettid),      SCMP_SYS(prctl)};

bool add_rules(scmp_filter_ctx context) {
  const auto allow = [&](int call) {
    return seccomp_rule_add(context, SCMP_ACT_ALLOW, call, 0) == 0;
  };
  const auto allow_if = [&](int call, scmp_arg_cmp condition) {
    return seccomp_rule_add_array(context, SCMP_ACT_ALLOW, call, 1, &condition) == 0;
  };
  bool ok = true;
  for (const int call : kAllowed) ok = allow(call) && ok;
  if (kSanitized)
    for (const int call : kAllowedSanitized) ok = allow(call) && ok;
  ok = allow_if(SCMP_SYS(write), {0, SCMP_CMP_EQ, kSocketFd, 0}) && ok;
  if (kSanitized) ok = allow_if(SCMP_SYS(write), {0, SCMP_CMP_EQ, 2, 0}) && ok;
  // Memory, never code.
  ok = allow_if(SCMP_SYS(mmap), {2, SCMP_CMP_MASKED_EQ, PROT_EXEC, 0}) && ok;
  return allow_if(SCMP_SYS(mprotect), {2, SCMP_CMP_MASKED_EQ, PROT_EXEC, 0}) && ok;
}

Result<std::vector<sock_filter>> exported(scmp_filter_ctx context) {
  const Fd file(::memfd_create("brim-filter", MFD_CLOEXEC));
  if (!file) return fail(errno_error(errno, "memfd_create", "the seccomp filter"));
  if (seccomp_export_bpf(context, file.get()) != 0)
    return fail(ErrorCode::io, "libseccomp could not write the filter", "the seccomp filter");
  const off_t size = ::lseek(file.get(), 0, SEEK_END);
  std::vector<sock_filter> filter(static_cast<std::size_t>(size) / sizeof(sock_filter));
  if (filter.empty() || ::pread(file.get(), filter.data(), filter.size() * sizeof(sock_filter),
                                0) != static_cast<ssize_t>(filter.size() * sizeof(sock_filter)))
    return fail(ErrorCode::io, "could not be read back", "the seccomp filter");
  return filter;
}

void close_all_from(int first) {
  if (::syscall(SYS_close_range, first, ~0U, 0) == 0) return;
  rlimit limit = {};
  ::getrlimit(RLIMIT_NOFILE, &limit);
  for (rlim_t fd = static_cast<rlim_t>(first); fd < limit.rlim_cur; ++fd)
    ::close(static_cast<int>(fd));
}

// Ctrl-C is for the parent, which then ends the child; all else as if freshly started.
void reset_signals() {
  for (int number = 1; number < NSIG; ++number) {
    struct sigaction action = {};
    const bool from_terminal = number == SIGINT || number == SIGQUIT || number == SIGHUP;
    action.sa_handler = from_terminal ? SIG_IGN : SIG_DFL;
    if (number != SIGKILL && number != SIGSTOP) ::sigaction(number, &action, nullptr);
  }
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
}

bool give_up_privileges() {
  if (::geteuid() == 0) {
    // EINVAL, EPERM: a user namespace in which nobody is not mapped; its root is not the host's,
    // and loses its capabilities below.
    const auto unmapped = [] { return errno == EINVAL || errno == EPERM; };
    if (::setgroups(0, nullptr) != 0 && !unmapped()) return false;
    if (::setresgid(kNobody, kNobody, kNobody) != 0 && !unmapped()) return false;
    if (::setresuid(kNobody, kNobody, kNobody) != 0 && !unmapped()) return false;
  }
  __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
  const __user_cap_data_struct nothing[2] = {};
  return ::syscall(SYS_capset, &header, nothing) == 0;
}

bool limit_resources() {
  const rlimit none = {0, 0};
  const rlimit memory = {kMemoryLimit, kMemoryLimit};
  bool ok = ::setrlimit(RLIMIT_CORE, &none) == 0;  // page contents never leave the process
  ok = ::setrlimit(RLIMIT_FSIZE, &none) == 0 && ok;
  if (!kSanitized) ok = ::setrlimit(RLIMIT_DATA, &memory) == 0 && ok;
  return ok;
}

}  // namespace

Result<std::vector<sock_filter>> make_filter() {
  scmp_filter_ctx context = seccomp_init(SCMP_ACT_KILL_PROCESS);
  if (context == nullptr)
    return fail(ErrorCode::missing, "libseccomp could not start", "the seccomp filter");
  Result<std::vector<sock_filter>> filter =
      add_rules(context)
          ? exported(context)
          : Result<std::vector<sock_filter>>(
                fail(ErrorCode::missing, "libseccomp refused a rule", "the seccomp filter"));
  seccomp_release(context);
  return filter;
}

bool arrange_descriptors(int dump_fd, int socket_fd, int null_fd) {
  // Out of the way of the final numbers first.
  const int dump = ::fcntl(dump_fd, F_DUPFD, 10);
  const int socket = ::fcntl(socket_fd, F_DUPFD, 10);
  const int null = ::fcntl(null_fd, F_DUPFD, 10);
  if (dump < 0 || socket < 0 || null < 0) return false;
  bool ok = ::dup2(dump, kDumpFd) >= 0 && ::dup2(socket, kSocketFd) >= 0;
  ok = ::dup2(null, 0) >= 0 && ::dup2(null, 1) >= 0 && ok;
  if (!kSanitized) ok = ::dup2(null, 2) >= 0 && ok;  // a sanitizer's report must be seen
  close_all_from(kSocketFd + 1);
  return ok;
}

bool confine(const std::vector<sock_filter>& filter) {
  reset_signals();
  ::umask(077);
  if (!give_up_privileges() || !limit_resources()) return false;
  if (::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0) return false;
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return false;
  const sock_fprog program = {static_cast<unsigned short>(filter.size()),
                              const_cast<sock_filter*>(filter.data())};
  return ::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0) == 0;
}

}  // namespace brim::image::kdump
