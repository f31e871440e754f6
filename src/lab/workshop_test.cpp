// SPDX-License-Identifier: Apache-2.0
#include "lab/workshop.h"

#include "host/scratch_directory.h"
#include "lab/package_archive.h"

#include <gtest/gtest.h>

namespace brim::lab {
namespace {

TEST(PackageArchive, A_meta_package_s_kernel_is_found_among_its_dependencies) {
  constexpr std::string_view kDepends =
      "linux-image-amd64\n  Depends: base-files\n  Depends: linux-image-6.1.0-56-amd64\n";
  EXPECT_EQ(dependency_in(kDepends, "linux-image-"), "linux-image-6.1.0-56-amd64");
  EXPECT_EQ(dependency_in(kDepends, "mariadb-"), "");
}

TEST(Workshop, Of_a_program_that_fails_the_last_words_are_told) {
  const host::ScratchDirectory scratch;
  const Workshop workshop(scratch.path());
  const auto text = workshop.run({"pwd"}, std::chrono::seconds(10));
  ASSERT_TRUE(text) << error_line(text.error());
  EXPECT_EQ(*text, scratch.path() + "\n");
  const auto failed = workshop.run({"sh", "-c", "echo first; echo the disk is full >&2; exit 1"},
                                   std::chrono::seconds(10));
  ASSERT_FALSE(failed);
  EXPECT_NE(failed.error().what.find("the disk is full"), std::string::npos);
}

}  // namespace
}  // namespace brim::lab
