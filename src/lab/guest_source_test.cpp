// SPDX-License-Identifier: Apache-2.0
#include "lab/guest_source.h"

#include "host/scratch_directory.h"

#include <filesystem>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace brim::lab {
namespace {

using host::ScratchDirectory;
using testing::ElementsAre;
using testing::HasSubstr;

// A cache as `brim lab prepare` leaves it, with files that hold nothing of use.
class GuestSource : public testing::Test {
 protected:
  void SetUp() override {
    auto cache = Cache::open_for_writing(scratch_ / "cache");
    ASSERT_TRUE(cache) << error_line(cache.error());
    keep(*cache, "initramfs", {"initramfs.cpio"});
    keep(*cache, "kernel-6.1", {"kernel-6.1.vmlinux", "kernel-6.1.modules.cpio"});
    scratch_.write("vmlinuz", "kernel");
    scratch_.write("initrd", "modules");
    cache_.emplace(std::move(*cache));
  }
  void keep(Cache& cache, const std::string& step, const std::vector<std::string>& names) {
    std::vector<MadeFile> files;
    ASSERT_TRUE(cache.empty_work_directory());
    for (const std::string& name : names) {
      scratch_.write(name, name);
      files.push_back({scratch_ / name, name});
    }
    ASSERT_TRUE(cache.keep(step, "inputs", std::move(files)));
  }
  Error refusal(const std::string& kernel, const std::string& initrd = "") {
    const auto files = find_kernel(*cache_, kernel, initrd);
    return files ? Error{} : files.error();
  }

  ScratchDirectory scratch_;
  std::optional<Cache> cache_;
};

TEST_F(GuestSource, A_prepared_kernel_comes_with_the_agent_and_its_modules) {
  const auto files = find_kernel(*cache_, "6.1", "");
  ASSERT_TRUE(files) << error_line(files.error());
  EXPECT_THAT(files->kernel, HasSubstr("kernel-6.1.vmlinux"));
  EXPECT_THAT(files->initramfs,
              ElementsAre(HasSubstr("initramfs.cpio"), HasSubstr("kernel-6.1.modules.cpio")));
}

TEST_F(GuestSource, A_kernel_of_the_user_s_gets_the_agent_after_his_modules) {
  const auto files = find_kernel(*cache_, scratch_ / "vmlinuz", scratch_ / "initrd");
  ASSERT_TRUE(files) << error_line(files.error());
  EXPECT_EQ(files->kernel, scratch_ / "vmlinuz");
  EXPECT_THAT(files->initramfs, ElementsAre(scratch_ / "initrd", HasSubstr("initramfs.cpio")));
  EXPECT_EQ(find_kernel(*cache_, scratch_ / "vmlinuz", "")->initramfs.size(), 1U);
}

TEST_F(GuestSource, What_is_no_kernel_is_told_why) {
  EXPECT_EQ(refusal("6.1-cluod").code, ErrorCode::bad_input);
  EXPECT_THAT(refusal("6.1-cluod").what, HasSubstr("'6.1-cloud'"));
  EXPECT_EQ(refusal("/no/such/kernel").code, ErrorCode::bad_input);
  EXPECT_EQ(refusal(scratch_.path()).code, ErrorCode::bad_input) << "a folder";
  EXPECT_EQ(refusal(scratch_ / "vmlinuz", "/no/such/initrd").code, ErrorCode::bad_input);
  EXPECT_EQ(refusal("6.1", scratch_ / "initrd").code, ErrorCode::bad_input);
  EXPECT_EQ(refusal("6.12").code, ErrorCode::missing);
  EXPECT_THAT(refusal("6.12").what, HasSubstr("brim lab prepare --only kernel-6.12"));
  EXPECT_EQ(prepared_root(*cache_).error().code, ErrorCode::missing);
}

}  // namespace
}  // namespace brim::lab
