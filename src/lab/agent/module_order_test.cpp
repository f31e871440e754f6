// SPDX-License-Identifier: Apache-2.0
#include "lab/agent/module_order.h"

#include <gtest/gtest.h>

namespace brim::lab {
namespace {

TEST(ModuleOrder, A_module_comes_after_all_it_depends_on_and_each_once) {
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

}  // namespace
}  // namespace brim::lab
