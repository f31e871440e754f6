// SPDX-License-Identifier: Apache-2.0
#include "host/host.h"

#include "host/files.h"

#include <filesystem>
#include <fstream>

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

namespace brim::host {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
namespace fs = std::filesystem;

// A root of our own with links that lead out of it, and a secret beside it.
class HostRoot : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = ::testing::TempDir() + "brim-host-XXXXXX";
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    outside_ = pattern;
    root_ = outside_ + "/root";
    fs::create_directories(root_ + "/sys/kernel");
    put(outside_ + "/secret", "outside");
    put(root_ + "/secret", "inside");
    put(root_ + "/sys/kernel/value", "  42\n");
    put(root_ + "/sys/kernel/word", "fast\n");
    fs::create_symlink("/sys/kernel/value", root_ + "/absolute");
    fs::create_symlink(outside_ + "/secret", root_ + "/escape");
    fs::create_symlink("../../../secret", root_ + "/sys/kernel/up");
    fs::create_symlink("kernel", root_ + "/sys/alias");
    fs::create_symlink("loop", root_ + "/loop");
    fs::create_symlink("/", root_ + "/top");
  }
  void TearDown() override { fs::remove_all(outside_); }

  static void put(const std::string& path, std::string_view text) { std::ofstream(path) << text; }
  [[nodiscard]] Host host() const { return std::move(Host::open(root_)).value(); }
  [[nodiscard]] std::string walked(const std::string& path) const {
    const Fd root(::open(root_.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    const Fd file(open_confined(root.get(), path, O_RDONLY, Resolver::walk));
    if (!file) return "errno " + std::to_string(errno);
    return read_to_end(file.get(), path).value_or("unreadable");
  }

  std::string outside_;
  std::string root_;
};

TEST_F(HostRoot, Absolute_links_resolve_below_the_root) {
  EXPECT_EQ(host().read_value("/absolute").value(), "42");
  EXPECT_EQ(host().read_value("/sys/alias/value").value(), "42");
  EXPECT_EQ(host().read_value("/top/secret").value(), "inside");
  EXPECT_EQ(walked("/absolute"), "  42\n");
  EXPECT_EQ(walked("/sys/alias/value"), "  42\n");
  EXPECT_EQ(walked("//sys/./kernel/value"), "  42\n");
  EXPECT_EQ(walked("/top/secret"), "inside");
}

TEST_F(HostRoot, Nothing_leads_out_of_the_root) {
  EXPECT_EQ(host().read_file("/escape").error().code, ErrorCode::missing);
  EXPECT_EQ(host().read_file("/sys/kernel/up").value(), "inside");
  EXPECT_EQ(host().read_file("/../../secret").value(), "inside");
  EXPECT_EQ(host().read_file("/loop").error().code, ErrorCode::io);
  EXPECT_EQ(walked("/escape"), "errno " + std::to_string(ENOENT));
  EXPECT_EQ(walked("/sys/kernel/up"), "errno " + std::to_string(EXDEV));
  EXPECT_EQ(walked("/../secret"), "errno " + std::to_string(EXDEV));
  EXPECT_EQ(walked("/loop"), "errno " + std::to_string(ELOOP));
}

TEST_F(HostRoot, Links_are_read_not_followed) {
  const Fd root(::open(root_.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  for (const Resolver resolver : {Resolver::kernel, Resolver::walk}) {
    const auto target = [&](const char* path) {
      const Fd link(open_confined(root.get(), path, O_PATH | O_NOFOLLOW, resolver));
      return link_target(link.get(), path);
    };
    EXPECT_EQ(target("/absolute").value(), "/sys/kernel/value");
    EXPECT_EQ(target("/loop").value(), "loop");
    const auto plain = target("/secret");
    ASSERT_FALSE(plain);
    EXPECT_THAT(plain.error().what, HasSubstr("not a symbolic link"));
  }
}

TEST_F(HostRoot, Numbers_are_whole_or_an_error_that_names_the_file) {
  EXPECT_EQ(host().read_number("/absolute").value(), 42U);
  const auto word = host().read_number("/sys/kernel/word");
  ASSERT_FALSE(word);
  EXPECT_EQ(word.error().where, root_ + "/sys/kernel/word");
  EXPECT_THAT(word.error().what, HasSubstr("'fast'"));
}

TEST_F(HostRoot, Writes_replace_what_is_there_and_create_nothing) {
  EXPECT_TRUE(host().write_file("/sys/kernel/value", "7"));
  EXPECT_EQ(host().read_file("/sys/kernel/value").value(), "7");
  EXPECT_EQ(host().write_file("/sys/kernel/new", "7").error().code, ErrorCode::missing);
  EXPECT_FALSE(fs::exists(root_ + "/sys/kernel/new"));
}

TEST_F(HostRoot, Directories_are_listed_sorted) {
  EXPECT_THAT(host().list("/sys/kernel").value(), ElementsAre("up", "value", "word"));
  EXPECT_EQ(host().list("/sys/kernel/value").error().code, ErrorCode::missing);
  EXPECT_TRUE(host().exists("/sys/kernel"));
  EXPECT_FALSE(host().exists("/sys/kernel/none"));
  EXPECT_FALSE(host().exists("/escape"));
}

TEST_F(HostRoot, Paths_must_be_absolute) {
  EXPECT_EQ(host().read_file("secret").error().code, ErrorCode::bad_input);
  EXPECT_EQ(host().read_file("").error().code, ErrorCode::bad_input);
  EXPECT_EQ(host().read_file(std::string_view("/se\0cret", 8)).error().code, ErrorCode::bad_input);
}

TEST_F(HostRoot, Only_the_real_root_is_live) {
  EXPECT_FALSE(host().live());
  EXPECT_EQ(host().root(), root_);
  EXPECT_TRUE(Host::open("/")->live());
  EXPECT_TRUE(Host::open("/proc/..")->live());
  EXPECT_EQ(Host::open("/proc/..")->root(), "/");
  EXPECT_EQ(Host::open(root_ + "/none").error().code, ErrorCode::missing);
  EXPECT_FALSE(Host::open(root_ + "/secret"));
}

TEST_F(HostRoot, Files_are_read_to_their_end_up_to_a_limit) {
  const std::string large(100'000, 'x');
  put(root_ + "/large", large);
  const Fd file(::open((root_ + "/large").c_str(), O_RDONLY | O_CLOEXEC));
  EXPECT_EQ(read_to_end(file.get(), "large", large.size()).value(), large);
  ASSERT_EQ(::lseek(file.get(), 0, SEEK_SET), 0);
  const auto capped = read_to_end(file.get(), "large", large.size() - 1);
  ASSERT_FALSE(capped);
  EXPECT_EQ(capped.error().where, "large");
}

TEST(Host, Pseudo_files_of_size_0_are_read_whole) {
  const Host host = std::move(Host::open("/")).value();
  EXPECT_THAT(host.read_file("/proc/self/status").value(), HasSubstr("nonvoluntary_ctxt_switches"));
  EXPECT_GT(host.read_file("/proc/meminfo")->size(), 500U);
  EXPECT_EQ(host.read_file("/proc/no such file").error().where, "/proc/no such file");
}

TEST(Host, The_bracketed_word_is_the_chosen_one) {
  EXPECT_EQ(chosen_word("always [madvise] never"), "madvise");
  EXPECT_EQ(chosen_word("none\n"), "none");
  EXPECT_EQ(chosen_word("a] b ["), "a] b [");
  EXPECT_EQ(chosen_word(""), "");
}

}  // namespace
}  // namespace brim::host
