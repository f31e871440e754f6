// SPDX-License-Identifier: Apache-2.0
#include "lab/guest_source.h"

#include "base/text.h"

#include <algorithm>
#include <cerrno>
#include <filesystem>

#include <fmt/format.h>
#include <unistd.h>

namespace brim::lab {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kKernelStep = "kernel-";

std::vector<std::string> known_kernels() {
  std::vector<std::string> names;
  for (const StepDescription& step : prepare_steps())
    if (step.name.starts_with(kKernelStep))
      names.emplace_back(step.name.substr(kKernelStep.size()));
  return names;
}

Result<void> check_readable(const std::string& path) {
  if (::access(path.c_str(), R_OK) != 0)
    return fail(named_by_user(errno_error(errno, "read", path)));
  if (!fs::is_regular_file(path)) return fail(ErrorCode::bad_input, "not a file", path);
  return {};
}

bool names_a_file(const std::string& kernel) {
  std::error_code error;
  return kernel.find('/') != std::string::npos || fs::is_regular_file(kernel, error);
}

Result<KernelFiles> users_kernel(const Cache& cache, const std::string& kernel,
                                 const std::string& initrd) {
  KernelFiles files;
  BRIM_CHECK(check_readable(kernel));
  files.kernel = kernel;
  if (!initrd.empty()) {
    BRIM_CHECK(check_readable(initrd));
    files.initramfs.push_back(initrd);
  }
  BRIM_TRY(std::string agent, prepared_initramfs(cache));
  files.initramfs.push_back(std::move(agent));  // last: its /init is the one that counts
  return files;
}

}  // namespace

Result<KernelFiles> find_kernel(const Cache& cache, const std::string& kernel,
                                const std::string& initrd) {
  const std::vector<std::string> known = known_kernels();
  if (std::find(known.begin(), known.end(), kernel) != known.end()) {
    if (!initrd.empty())
      return fail(ErrorCode::bad_input, "goes with a kernel that is a file", "--initrd");
    return prepared_kernel(cache, kernel);
  }
  if (names_a_file(kernel)) return users_kernel(cache, kernel, initrd);
  const auto near = nearest_word(kernel, known);
  return fail(ErrorCode::bad_input,
              fmt::format("no kernel '{}'; {}", kernel,
                          near ? fmt::format("did you mean '{}'?", *near)
                               : fmt::format("there are {}, or a file", fmt::join(known, ", "))));
}

}  // namespace brim::lab
