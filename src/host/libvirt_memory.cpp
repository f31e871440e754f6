// SPDX-License-Identifier: Apache-2.0
#include "host/libvirt_memory.h"

#include <algorithm>
#include <optional>
#include <string_view>

#include <pugixml.hpp>

namespace brim::host {
namespace {

using std::string_view;

bool is_ram(string_view model) { return model == "dimm" || model == "virtio-mem"; }

// How the domain's memory is backed where a device doesn't say otherwise.
RamBlock usual_backend(const pugi::xml_node& domain) {
  const pugi::xml_node backing = domain.child("memoryBacking");
  const string_view source = backing.child("source").attribute("type").value();
  RamBlock block;
  if (source == "memfd")
    block.kind = RamBlock::Kind::memfd;
  else if (source == "file" || backing.child("hugepages"))
    block.kind = RamBlock::Kind::file;
  // QEMU shares a memfd unless told not to.
  const string_view access = backing.child("access").attribute("mode").value();
  block.share = access.empty() ? block.kind == RamBlock::Kind::memfd : access == "shared";
  block.is_ram = true;
  return block;
}

// What the device, or else the NUMA cell it is plugged into, says of sharing.
std::optional<bool> own_share(const pugi::xml_node& domain, const pugi::xml_node& device) {
  string_view access = device.attribute("access").value();
  if (access.empty()) {
    const char* node = device.child("target").child_value("node");
    const pugi::xml_node cells = domain.child("cpu").child("numa");
    access = cells.find_child_by_attribute("cell", "id", node).attribute("memAccess").value();
  }
  if (access.empty()) return std::nullopt;
  return access == "shared";
}

}  // namespace

std::vector<RamBlock> memory_devices(const std::string& domain_xml) {
  pugi::xml_document document;
  if (!document.load_buffer(domain_xml.data(), domain_xml.size())) return {};
  const pugi::xml_node domain = document.child("domain");
  const RamBlock usual = usual_backend(domain);
  std::vector<RamBlock> blocks;
  for (const pugi::xml_node device : domain.child("devices").children("memory")) {
    const string_view alias = device.child("alias").attribute("name").value();
    const auto kib = device.child("target").child("size").text().as_ullong();  // always in KiB
    if (!is_ram(device.attribute("model").value()) || alias.empty() || kib == 0) continue;
    RamBlock block = usual;
    block.id = "mem" + std::string(alias);
    block.size = kibibytes(kib);
    // A page size makes a file on hugetlbfs of it, unless it is a memfd.
    if (device.child("source").child("pagesize") && block.kind == RamBlock::Kind::anonymous)
      block.kind = RamBlock::Kind::file;
    block.share = own_share(domain, device).value_or(usual.share);
    blocks.push_back(block);
  }
  return blocks;
}

}  // namespace brim::host
