// SPDX-License-Identifier: Apache-2.0
#include "host/qemu.h"

#include "base/fd.h"
#include "base/text.h"
#include "host/files.h"
#include "host/libvirt.h"
#include "host/qemu_ram.h"
#include "host/qmp.h"

#include <algorithm>
#include <cerrno>
#include <map>
#include <set>

#include <fcntl.h>
#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <sys/stat.h>

namespace brim::host {
namespace {

using nlohmann::json;
using std::chrono::milliseconds;
using Clock = std::chrono::steady_clock;

// libvirt answers from its own tables, in milliseconds; more is a daemon in trouble.
constexpr milliseconds kDomainListTimeout{1000};

struct Found {
  Process process;
  QemuArguments arguments;
};

std::optional<Found> look_at(const Host& host, int pid) {
  auto process = Process::open(host, pid);
  if (!process) return std::nullopt;  // gone since it was listed
  const auto arguments = process->command_line();
  if (!arguments || arguments->empty()) return std::nullopt;
  const auto executable = process->executable();
  if (!is_system_emulator(arguments->front()) && !(executable && is_system_emulator(*executable)))
    return std::nullopt;
  // A script or a user-mode emulator that was given the name.
  if (executable && !is_system_emulator(*executable)) {
    const std::string_view file = std::string_view(*executable).substr(executable->rfind('/') + 1);
    if (file.starts_with("qemu-") || file == "bash" || file == "dash" || file == "sh")
      return std::nullopt;
  }
  return Found{std::move(*process), parse_system_emulator_arguments(*arguments)};
}

std::string string_in(const json& object, const char* key) {
  if (!object.is_object()) return {};
  const auto found = object.find(key);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

bool flag_in(const json& object, const char* key, bool fallback) {
  const auto found = object.find(key);
  return found != object.end() && found->is_boolean() ? found->get<bool>() : fallback;
}

// Ids of the backends behind DIMMs and virtio-mem devices, plugged in at any time.
std::set<std::string> backends_in_use(Qmp& qmp, milliseconds timeout) {
  std::set<std::string> ids;
  const auto devices = qmp.execute("query-memory-devices", timeout);
  if (!devices || !devices->is_array()) return ids;
  for (const json& device : *devices) {
    const std::string type = string_in(device, "type");
    if ((type != "dimm" && type != "virtio-mem") || !device.contains("data")) continue;
    const std::string path = string_in(device["data"], "memdev");  // "/objects/ID"
    ids.insert(path.substr(path.rfind('/') + 1));
  }
  return ids;
}

// Kinds of all backends by id, hot-plugged ones included: QEMU's type names
// "child<memory-backend-…>".
std::map<std::string, RamBlock::Kind> backend_kinds(Qmp& qmp, milliseconds timeout) {
  std::map<std::string, RamBlock::Kind> kinds;
  const auto objects = qmp.execute("qom-list", {{"path", "/objects"}}, timeout);
  if (!objects || !objects->is_array()) return kinds;
  for (const json& object : *objects) {
    const std::string type = string_in(object, "type");
    const std::string id = string_in(object, "name");
    if (type == "child<memory-backend-ram>") kinds[id] = RamBlock::Kind::anonymous;
    if (type == "child<memory-backend-file>") kinds[id] = RamBlock::Kind::file;
    if (type == "child<memory-backend-memfd>") kinds[id] = RamBlock::Kind::memfd;
    if (type == "child<memory-backend-shm>") kinds[id] = RamBlock::Kind::posix_shared;
  }
  return kinds;
}

// The RAM blocks as QMP tells them; empty where its answers make no sense.
std::vector<RamBlock> blocks_from_qmp(Qmp& qmp, const QemuArguments& arguments,
                                      milliseconds timeout) {
  const auto backends = qmp.execute("query-memdev", timeout);
  if (!backends || !backends->is_array()) return {};
  const std::set<std::string> in_use = backends_in_use(qmp, timeout);
  const auto kinds = backend_kinds(qmp, timeout);
  std::map<std::string_view, const RamBlock*> known_by_id;
  for (const RamBlock& known : arguments.backends) known_by_id[known.id] = &known;
  std::vector<RamBlock> blocks;
  // The machine's own RAM can't grow, and QEMU 7.2 lists it without saying what it is for.
  for (const RamBlock& known : arguments.backends)
    if (known.is_ram && known.id.empty()) blocks.push_back(known);
  for (const json& backend : *backends) {
    const std::string id = string_in(backend, "id");
    const auto size = backend.is_object() ? backend.find("size") : backend.end();
    if (size == backend.end() || !size->is_number_unsigned()) continue;
    RamBlock block;
    if (const auto known = known_by_id.find(id); !id.empty() && known != known_by_id.end())
      block = *known->second;
    if (!block.is_ram && !in_use.contains(id)) continue;
    block.id = id;
    block.is_ram = true;
    if (const auto kind = kinds.find(id); kind != kinds.end()) block.kind = kind->second;
    block.size = Bytes(size->get<std::uint64_t>());
    block.share = flag_in(backend, "share", block.share);
    block.merge = flag_in(backend, "merge", block.merge);
    blocks.push_back(block);
  }
  return blocks;
}

std::vector<SmapsEntry> without_flags(std::vector<Mapping> mappings) {
  std::vector<SmapsEntry> entries(mappings.size());
  for (std::size_t i = 0; i < mappings.size(); ++i) entries[i].mapping = std::move(mappings[i]);
  return entries;
}

Result<RamSearch> search(const Process& process, const std::vector<RamBlock>& blocks,
                         std::string_view source) {
  BRIM_TRY(auto mappings, process.maps());
  RamSearch found = find_guest_ram(blocks, without_flags(std::move(mappings)), source);
  if (!found.ambiguous) return found;
  if (const auto entries = process.smaps()) found = find_guest_ram(blocks, *entries, source);
  return found;
}

// One VM being looked into.
class Inquiry {
 public:
  Inquiry(const Host& host, Found found, milliseconds qmp_timeout)
      : host_(host), found_(std::move(found)), timeout_(qmp_timeout) {
    vm_.pid = found_.process.pid();
    vm_.start_ticks = found_.process.start_ticks();
    vm_.name = fmt::format("qemu-{}", vm_.pid);
    vm_.name_known_by = "pid";
    vm_.memory = found_.arguments.memory;
    vm_.qmp_sockets = found_.arguments.qmp_sockets;
    vm_.merge_requested = found_.arguments.merge;
    if (found_.arguments.name) set_name(*found_.arguments.name, "-name");
  }

  [[nodiscard]] const QemuArguments& arguments() const { return found_.arguments; }
  [[nodiscard]] int pid() const { return vm_.pid; }
  // libvirt has its monitor then.
  void is_libvirt_domain(const std::string& name) {
    set_name(name, "libvirt");
    owned_by_libvirt_ = true;
  }
  void is_libvirt_domain(const LibvirtDomain& domain) {
    is_libvirt_domain(domain.name);
    if (domain.memory) vm_.memory = domain.memory;
    for (const RamBlock& device : domain.memory_devices)
      if (!on_command_line(device)) plugged_in_.push_back(device);
  }

  void run(Discovery& discovery) {
    std::vector<RamBlock> blocks = found_.arguments.ram_blocks();
    blocks.insert(blocks.end(), plugged_in_.begin(), plugged_in_.end());
    auto searched =
        search(found_.process, blocks,
               plugged_in_.empty() ? "the command line" : "the command line and libvirt");
    if (searched && host_.live() && !owned_by_libvirt_ && timeout_.count() > 0 &&
        may_have_monitors())
      ask_monitors(*searched);
    if (!searched && (searched.error().code == ErrorCode::gone || !found_.process.check_alive()))
      return;
    if (searched) {
      vm_.ram = std::move(searched->ram);
      for (const std::string& missing : searched->missing)
        problem(discovery, ErrorCode::missing,
                fmt::format("no guest RAM found: looked for {}", missing));
      if (searched->ambiguous)
        problem(discovery, ErrorCode::missing,
                "several mappings could be guest RAM; the fullest was chosen");
      if (searched->unexplained.count() > 0 && !monitor_answered_)
        problem(
            discovery, ErrorCode::missing,
            fmt::format("{} of what looks like guest RAM was left out: plugged in while running, "
                        "perhaps, and neither a monitor nor libvirt told of it",
                        human_bytes(searched->unexplained)));
    } else {
      problem(discovery, searched.error().code,
              fmt::format("its mappings can't be read: {}", searched.error().what));
    }
    discovery.machines.push_back(std::move(vm_));
  }

 private:
  [[nodiscard]] bool on_command_line(const RamBlock& device) const {
    const auto& backends = found_.arguments.backends;
    return std::any_of(backends.begin(), backends.end(),
                       [&](const RamBlock& backend) { return backend.id == device.id; });
  }

  void set_name(const std::string& name, const char* known_by) {
    vm_.name = name;
    vm_.name_known_by = known_by;
  }

  void problem(Discovery& discovery, ErrorCode code, std::string what) const {
    discovery.problems.push_back(
        {code, std::move(what), fmt::format("VM {} (pid {})", vm_.name, vm_.pid)});
  }

  // A command line may say anything, and its user need not be allowed what brim is: only a process
  // that looks like QEMU is asked, only on a socket of its own user (or root's) among the files it
  // sees itself, and only if it is the one that listens there (Qmp::connect).
  [[nodiscard]] bool may_have_monitors() const {
    const auto executable = found_.process.executable();
    return !executable || is_system_emulator(*executable);
  }

  // LIMIT: a relative path with ".." or a link out of QEMU's working directory is not found.
  [[nodiscard]] Result<Fd> open_monitor(const std::string& path) const {
    const Process& process = found_.process;
    BRIM_TRY(const ProcessStatus owner, process.status());
    BRIM_TRY(const Fd files,
             process.open_file(path.starts_with('/') ? "root" : "cwd", O_PATH | O_DIRECTORY));
    Fd socket(open_confined(files.get(), path, O_PATH));
    struct stat status {};
    if (!socket || ::fstat(socket.get(), &status) != 0)
      return fail(errno_error(errno, "open the monitor socket", path));
    if (!S_ISSOCK(status.st_mode) || (status.st_uid != owner.uid && status.st_uid != 0))
      return fail(ErrorCode::denied, "not a socket of the process's user", path);
    return socket;
  }

  // Asks the first monitor that answers, all within the timeout; replaces `searched` where the
  // answer leads to RAM.
  void ask_monitors(RamSearch& searched) {
    const auto deadline = Clock::now() + timeout_;
    for (const QmpSocket& monitor : found_.arguments.monitors) {
      // QEMU creates its RAM after its monitors: one without RAM yet may be waiting for the client
      // that starts it, and that must not be us.
      if (monitor.waits && searched.ram.empty()) continue;
      const auto left = std::chrono::duration_cast<milliseconds>(deadline - Clock::now());
      if (left.count() <= 0) return;
      const auto socket = open_monitor(monitor.path);
      if (!socket) continue;
      auto qmp = Qmp::connect(*socket, monitor.path, vm_.pid, left);
      if (!qmp) continue;
      ask(*qmp, deadline, searched);
      monitor_answered_ = true;
      return;
    }
  }

  void ask(Qmp& qmp, Clock::time_point deadline, RamSearch& searched) {
    // Five commands at most, so that all of them together stay within the deadline.
    const auto share = std::max(
        milliseconds(1), std::chrono::duration_cast<milliseconds>(deadline - Clock::now()) / 5);
    if (vm_.name_known_by == "pid") {
      const auto reply = qmp.execute("query-name", share);
      const std::string name = reply ? string_in(*reply, "name") : std::string();
      if (!name.empty()) set_name(name, "QMP");
    }
    const std::vector<RamBlock> blocks = blocks_from_qmp(qmp, found_.arguments, share);
    if (blocks.empty()) return;
    auto better = search(found_.process, blocks, "QMP and the command line");
    if (!better || better->ram.empty()) return;
    searched = std::move(*better);
    vm_.merge_requested = std::all_of(blocks.begin(), blocks.end(),
                                      [](const RamBlock& block) { return block.merge; });
  }

  const Host& host_;
  Found found_;
  milliseconds timeout_;
  VirtualMachine vm_;
  bool owned_by_libvirt_ = false;
  std::vector<RamBlock> plugged_in_;  // while it runs, by what libvirt says
  bool monitor_answered_ = false;
};

// Tells the inquiries which of them libvirt runs: by its pid files, then by what its daemon says.
void name_by_libvirt(const Host& host, std::vector<Inquiry>& inquiries) {
  const auto names = read_libvirt_pid_files(host);
  const auto domains = list_system_domains(host, kDomainListTimeout);
  for (Inquiry& inquiry : inquiries) {
    auto file = names.find(inquiry.pid());
    // libvirt names its QEMUs after their domains: another name, and the file is left from before.
    const auto& own_name = inquiry.arguments().name;
    if (file != names.end() && own_name && *own_name != file->second) file = names.end();
    if (file != names.end()) inquiry.is_libvirt_domain(file->second);
    if (!domains) continue;
    for (const LibvirtDomain& domain : *domains) {
      const bool same = inquiry.arguments().uuid
                            ? *inquiry.arguments().uuid == domain.uuid
                            : file != names.end() && file->second == domain.name;
      if (same) inquiry.is_libvirt_domain(domain);
    }
  }
}

}  // namespace

Result<Discovery> discover_virtual_machines(const Host& host, milliseconds qmp_timeout) {
  BRIM_TRY(const std::vector<int> pids, list_pids(host));
  std::vector<Inquiry> inquiries;
  for (const int pid : pids)
    if (auto found = look_at(host, pid))
      inquiries.emplace_back(host, std::move(*found), qmp_timeout);
  Discovery discovery;
  if (inquiries.empty()) return discovery;
  name_by_libvirt(host, inquiries);
  for (Inquiry& inquiry : inquiries) inquiry.run(discovery);
  return discovery;
}

}  // namespace brim::host
