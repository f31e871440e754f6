// SPDX-License-Identifier: Apache-2.0
#include "host/limited_group.h"

#include "host/cgroup_folder.h"
#include "host/process_text.h"
#include "host/record_file.h"

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <thread>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <sys/stat.h>

namespace brim::host {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr std::string_view kWhoseGroup = "brim's benchmarks";
constexpr auto kLookAgainAtGroup = milliseconds(2);

// The files that limit, in either version.
struct LimitFiles {
  std::string_view memory;
  std::string_view swap;
  bool swap_with_memory;  // it limits their sum
};
constexpr LimitFiles kLimitsV1{"memory.limit_in_bytes", "memory.memsw.limit_in_bytes", true};
constexpr LimitFiles kLimitsV2{"memory.max", "memory.swap.max", false};

// How it is frozen, and the line that says that it is.
struct FreezeFiles {
  std::string_view control;
  std::string_view words[2];  // thaw, freeze
  std::string_view state;
  std::string_view lines[2];
};
constexpr FreezeFiles kFreezeV1{
    "freezer.state", {"THAWED", "FROZEN"}, "freezer.state", {"THAWED", "FROZEN"}};
constexpr FreezeFiles kFreezeV2{
    "cgroup.freeze", {"0", "1"}, "cgroup.events", {"frozen 0", "frozen 1"}};

bool has_line(std::string_view text, std::string_view wanted) {
  Lines lines(text);
  while (const std::optional<std::string_view> line = lines.next())
    if (*line == wanted) return true;
  return false;
}

// Memory first: the limit of the sum may not be below it.
Result<void> set_limits(const Host& host, const PartPlace& place, const GroupLimits& limits) {
  const LimitFiles& files = place.v2 ? kLimitsV2 : kLimitsV1;
  BRIM_CHECK(write_control(fmt::format("{}/{}", place.folder, files.memory),
                           std::to_string(limits.memory.count())));
  if (!limits.swap) return {};
  const std::string path = fmt::format("{}/{}", place.folder, files.swap);
  if (!host.exists(path))
    return fail(ErrorCode::missing, "this kernel does not limit a cgroup's swap", path);
  const Bytes most = files.swap_with_memory ? limits.memory + *limits.swap : *limits.swap;
  return write_control(path, std::to_string(most.count()));
}

Result<void> remove_folders(const std::vector<std::string>& folders) {
  for (const std::string& folder : folders)
    BRIM_CHECK(remove_cgroup_folder(folder, kLimitedGroupPrefix, kWhoseGroup));
  return {};
}

// What an abandoned record names, if it is a group of brim's right below a hierarchy of this host.
std::optional<std::vector<std::string>> group_folders_in(const json& record,
                                                         const Cgroups& cgroups) {
  auto folders = record.at("group").get<std::vector<std::string>>();
  for (const std::string& folder : folders) {
    const fs::path path(folder);
    const bool named = path.filename().string().starts_with(kLimitedGroupPrefix);
    const bool below =
        std::any_of(cgroups.mounts.begin(), cgroups.mounts.end(),
                    [&path](const CgroupMount& mount) { return path.parent_path() == mount.path; });
    if (!named || !below) return std::nullopt;
  }
  return folders;
}

// A line to tell, if there is one.
std::optional<std::string> undo_group_record(const Host& host, const std::string& boot_id,
                                             const Cgroups& cgroups, const std::string& file) {
  const auto record = read_record_file(file);
  const std::string no_record = fmt::format("left {}: not a record of brim's groups", file);
  if (!record) return no_record;
  try {
    const RecordOwner owner = owner_in(*record);
    const auto folders = group_folders_in(*record, cgroups);
    if (!folders) return no_record;
    if (owner.boot_id == boot_id && owner_lives(host, owner)) return std::nullopt;
    std::optional<std::string> line;
    if (owner.boot_id == boot_id) {
      const bool there = std::any_of(folders->begin(), folders->end(),
                                     [](const std::string& one) { return fs::exists(one); });
      if (const auto removed = remove_folders(*folders); !removed)
        return fmt::format("could not remove a cgroup that an interrupted run left: {}",
                           error_line(removed.error()));
      if (there)
        line = fmt::format("removed the cgroup {}, which an interrupted run had made",
                           folders->back());
    }
    remove_record_file(file);
    return line;
  } catch (const json::exception&) {
    return no_record;
  }
}

}  // namespace

LimitedGroup::LimitedGroup(const Host& host, GroupPlaces places, std::string record)
    : host_(&host), places_(std::move(places)), record_(std::move(record)) {}

LimitedGroup::LimitedGroup(LimitedGroup&& other) noexcept
    : host_(std::exchange(other.host_, nullptr)),
      places_(std::move(other.places_)),
      made_(std::move(other.made_)),
      record_(std::move(other.record_)) {}

LimitedGroup::~LimitedGroup() { static_cast<void>(remove()); }

Result<LimitedGroup> LimitedGroup::create(const Host& host, const std::string& records,
                                          const std::string& name, const GroupLimits& limits) {
  BRIM_ASSERT(!name.empty() && name.find('/') == std::string::npos);
  if (!host.live())
    return fail(ErrorCode::missing, "cgroups are made on the live machine only", host.root());
  const std::string full = fmt::format("{}{}", kLimitedGroupPrefix, name);
  BRIM_TRY(GroupPlaces places, group_places(host, full));
  const PartPlace& memory = places[GroupPart::memory];
  if (memory.folder.empty()) return fail(ErrorCode::missing, memory.why_not);
  const std::vector<std::string> folders = places.folders();
  for (const std::string& folder : folders)
    if (host.exists(folder))
      return fail(ErrorCode::io, "there is a cgroup of this name already", folder);
  BRIM_TRY(std::string record, write_record_file(host, records, full, {{"group", folders}}));
  LimitedGroup group(host, std::move(places), std::move(record));
  BRIM_CHECK(group.make_folders());
  BRIM_CHECK(set_limits(host, group.places_[GroupPart::memory], limits));
  return group;
}

// Those it made are its own to remove, and no others.
Result<void> LimitedGroup::make_folders() {
  for (const std::string& folder : places_.folders()) {
    if (::mkdir(folder.c_str(), 0755) != 0)
      return fail(errno_error(errno, "make a cgroup", folder));
    made_.push_back(folder);
  }
  return {};
}

Result<void> LimitedGroup::add(int pid) const {
  for (const std::string& folder : places_.folders())
    BRIM_CHECK(write_control(folder + "/cgroup.procs", std::to_string(pid)));
  return {};
}

Result<void> LimitedGroup::set_frozen(bool frozen, milliseconds timeout) const {
  const PartPlace& place = places_[GroupPart::freezing];
  if (place.folder.empty()) return fail(ErrorCode::missing, place.why_not);
  const FreezeFiles& files = place.v2 ? kFreezeV2 : kFreezeV1;
  const std::size_t which = frozen ? 1 : 0;
  const auto deadline = steady_clock::now() + timeout;
  BRIM_CHECK(write_control(fmt::format("{}/{}", place.folder, files.control),
                           std::string(files.words[which])));
  while (true) {
    BRIM_TRY(const std::string state,
             host_->read_file(fmt::format("{}/{}", place.folder, files.state)));
    if (has_line(state, files.lines[which])) return {};
    if (steady_clock::now() >= deadline)
      return fail(ErrorCode::io,
                  fmt::format("not {} within {} ms", frozen ? "frozen" : "thawed", timeout.count()),
                  place.folder);
    std::this_thread::sleep_for(kLookAgainAtGroup);
  }
}

Result<void> LimitedGroup::freeze(milliseconds timeout) const {
  auto frozen = set_frozen(true, timeout);
  if (!frozen && frozen.error().code != ErrorCode::missing)
    static_cast<void>(set_frozen(false, milliseconds(0)));
  return frozen;
}

Result<void> LimitedGroup::thaw(milliseconds timeout) const { return set_frozen(false, timeout); }

Result<void> LimitedGroup::kill_all() const {
  constexpr auto kPatience = std::chrono::seconds(10);
  const auto deadline = steady_clock::now() + kPatience;
  for (const std::string& folder : places_.folders())
    while (kill_members(folder)) {
      if (steady_clock::now() >= deadline)
        return fail(ErrorCode::io, "what runs in it can't be killed", folder);
      std::this_thread::sleep_for(kLookAgainAtGroup);
    }
  return {};
}

Result<void> LimitedGroup::remove() {
  if (host_ == nullptr) return {};
  BRIM_CHECK(remove_folders(made_));
  remove_record_file(record_);
  host_ = nullptr;
  return {};
}

std::vector<std::string> remove_abandoned_groups(const Host& host, const std::string& records) {
  std::error_code error;
  if (!fs::exists(records, error)) return {};
  const auto cgroups = read_cgroups(host);
  if (!cgroups) return {};
  return tend_records(host, records, [&](const std::string& boot_id, const std::string& file) {
    return undo_group_record(host, boot_id, *cgroups, file);
  });
}

}  // namespace brim::host
