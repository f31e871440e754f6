// SPDX-License-Identifier: Apache-2.0
#include "host/group_layout.h"

#include "base/text.h"

#include <algorithm>

#include <fmt/format.h>

namespace brim::host {
namespace {

// Who offers a part, the preferred one first.
struct PartSource {
  GroupPart part;
  bool v2;
  std::string_view controller;  // empty: every cgroup of version 2 has it
};
constexpr PartSource kPartSources[] = {
    {GroupPart::freezing, true, {}},          {GroupPart::freezing, false, "freezer"},
    {GroupPart::memory, true, "memory"},      {GroupPart::memory, false, "memory"},
    {GroupPart::pressure, true, {}},          {GroupPart::processor, true, {}},
    {GroupPart::processor, false, "cpuacct"}, {GroupPart::io, true, "io"},
    {GroupPart::io, false, "blkio"},
};

// In the order of GroupPart.
constexpr std::array<std::string_view, kGroupParts> kWhyNot = {
    "no version 2 hierarchy and no freezer is mounted",
    "no cgroup hierarchy has the memory controller",
    "only version 2 cgroups tell their pressure, and none are mounted",
    "no version 2 hierarchy and no cpuacct controller is mounted",
    "no hierarchy has the controller of I/O (io, or blkio of version 1)",
};

bool offers(const CgroupMount& mount, const PartSource& source) {
  if (mount.v2 != source.v2) return false;
  const auto& held = mount.controllers;
  return source.controller.empty() ||
         std::find(held.begin(), held.end(), source.controller) != held.end();
}

// Fills `place` if this source is here.
Result<void> try_source(const Host& host, const Cgroups& cgroups, const PartSource& source,
                        const std::string& name, PartPlace& place) {
  for (const CgroupMount& mount : cgroups.mounts) {
    if (!place.folder.empty() || !offers(mount, source)) continue;
    if (source.v2 && !source.controller.empty()) {
      const auto passed = check_passed_on(host, mount, source.controller);
      if (!passed && passed.error().code != ErrorCode::missing) return fail(passed.error());
      if (!passed) {
        place.why_not = passed.error().what;
        continue;
      }
    }
    place = {fmt::format("{}/{}", mount.path, name), source.v2, {}};
  }
  return {};
}

}  // namespace

std::vector<std::string> GroupPlaces::folders() const {
  std::vector<std::string> folders;
  for (const PartPlace& place : parts)
    if (!place.folder.empty()) add_once(folders, place.folder);
  return folders;
}

Result<GroupPlaces> group_places(const Host& host, const std::string& name) {
  BRIM_TRY(const Cgroups cgroups, read_cgroups(host));
  GroupPlaces places;
  for (std::size_t part = 0; part < kGroupParts; ++part) places.parts[part].why_not = kWhyNot[part];
  for (const PartSource& source : kPartSources)
    BRIM_CHECK(try_source(host, cgroups, source, name,
                          places.parts[static_cast<std::size_t>(source.part)]));
  return places;
}

Result<void> check_passed_on(const Host& host, const CgroupMount& mount,
                             std::string_view controller) {
  const std::string path = mount.path + "/cgroup.subtree_control";
  BRIM_TRY(const std::string passed, host.read_value(path));
  const auto words = split(passed, ' ');
  if (std::find(words.begin(), words.end(), controller) != words.end()) return {};
  const std::string_view what = controller == "memory" ? "memory limit" : controller;
  return fail(ErrorCode::missing,
              fmt::format("cgroups below get no {}; echo +{} > {}", what, controller, path), path);
}

}  // namespace brim::host
