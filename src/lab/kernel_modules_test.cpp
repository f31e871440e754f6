// SPDX-License-Identifier: Apache-2.0
#include "lab/kernel_modules.h"

#include "host/scratch_directory.h"
#include "lab/package_archive.h"
#include "lab/workshop.h"

#include <gtest/gtest.h>

namespace brim::lab {
namespace {

TEST(KernelModules, A_module_comes_after_all_it_depends_on_and_each_once) {
  constexpr std::string_view kModulesDep =
      "k/virtio.ko:\n"
      "k/virtio_ring.ko: k/virtio.ko\n"
      "k/virtio_pci.ko.xz: k/virtio_pci_legacy_dev.ko k/virtio_ring.ko k/virtio.ko\n"
      "k/virtio_pci_legacy_dev.ko:\n"
      "k/virtio-rng.ko: k/virtio_ring.ko k/virtio.ko\n";
  const std::vector<std::string_view> wanted = {"virtio_pci", "built_in", "virtio_rng"};
  EXPECT_EQ(
      modules_in_order(kModulesDep, wanted),
      (std::vector<std::string>{"k/virtio.ko", "k/virtio_ring.ko", "k/virtio_pci_legacy_dev.ko",
                                "k/virtio_pci.ko.xz", "k/virtio-rng.ko"}));
  EXPECT_TRUE(modules_in_order("", wanted).empty());
}

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
