// SPDX-License-Identifier: Apache-2.0
// QEMU's command line: options in the order given, then what refers to what.
#include "base/text.h"
#include "host/qemu.h"
#include "host/qemu_options.h"

#include <algorithm>
#include <map>
#include <set>

namespace brim::host {
namespace {

constexpr Bytes kDefaultMemory = mebibytes(128);  // QEMU's for PCs and most boards
constexpr std::uint64_t kMemoryGranule = 8192;    // -m is rounded up to this

// What options said, before references between them are resolved.
struct Collected {
  QemuArguments arguments;
  std::optional<Bytes> asked_memory;                       // -m
  std::map<std::string, QmpSocket, std::less<>> chardevs;  // listening unix sockets by id
  std::vector<std::string> control_chardevs;               // -mon mode=control, -qmp chardev:
  std::set<std::string, std::less<>> ram_memdevs;          // ids that stand for RAM
  std::string machine_backend;
  bool numa_memory = false;  // some NUMA node has a backend: the machine has no RAM of its own
  std::string memory_path;   // -mem-path
  bool machine_merge = true;
};

std::optional<QmpSocket> listening_socket(const QemuOptions& options) {
  const auto path = options.get("path");
  if (!path || path->empty() || !options.flag("server", false)) return std::nullopt;
  if (options.flag("abstract", false)) return std::nullopt;  // no file; another namespace's name
  return QmpSocket{*path, options.flag("wait", true)};
}

void add_monitor(Collected& collected, const QmpSocket& socket) {
  collected.arguments.monitors.push_back(socket);
  collected.arguments.qmp_sockets.push_back(socket.path);
}

void on_name(Collected& collected, const std::string& value) {
  const auto options = QemuOptions::parse(value, "guest");
  if (const auto name = options.get("guest"); name && !name->empty())
    collected.arguments.name = *name;
}

void on_uuid(Collected& collected, const std::string& value) { collected.arguments.uuid = value; }

void on_memory(Collected& collected, const std::string& value) {
  const auto options = QemuOptions::parse(value, "size");
  if (const auto size = parse_qemu_size(options.get_or("size", ""), mebibytes(1)))
    collected.asked_memory = *size;
}

void on_machine(Collected& collected, const std::string& value) {
  const auto options = QemuOptions::parse(value, "type");
  collected.machine_merge = options.flag("mem-merge", collected.machine_merge);
  if (const auto backend = options.get("memory-backend")) collected.machine_backend = *backend;
  if (const auto size = options.get("memory.size"))
    if (const auto bytes = parse_qemu_size(*size, Bytes(1))) collected.asked_memory = *bytes;
}

void on_memory_path(Collected& collected, const std::string& value) {
  collected.memory_path = value;
  collected.arguments.memory_paths.push_back(value);
}

void on_object(Collected& collected, const std::string& value) {
  const auto options = QemuOptions::parse(value, "qom-type");
  const std::string type = options.get_or("qom-type", "");
  RamBlock block;
  if (type == "memory-backend-ram")
    block.kind = RamBlock::Kind::anonymous;
  else if (type == "memory-backend-file")
    block.kind = RamBlock::Kind::file;
  else if (type == "memory-backend-memfd")
    block.kind = RamBlock::Kind::memfd;
  else if (type == "memory-backend-shm")
    block.kind = RamBlock::Kind::posix_shared;
  else
    return;
  block.id = options.get_or("id", "");
  block.size = parse_qemu_size(options.get_or("size", ""), Bytes(1));
  // memfd and shm are shared unless told not to be; the others are private.
  const bool shared_by_default =
      block.kind == RamBlock::Kind::memfd || block.kind == RamBlock::Kind::posix_shared;
  block.share = options.flag("share", shared_by_default);
  block.merge = options.flag("merge", true);
  block.path = options.get_or("mem-path", "");
  if (!block.path.empty()) collected.arguments.memory_paths.push_back(block.path);
  collected.arguments.backends.push_back(block);
}

void on_numa(Collected& collected, const std::string& value) {
  const auto options = QemuOptions::parse(value, "type");
  if (const auto memdev = options.get("memdev")) {
    collected.ram_memdevs.insert(*memdev);
    collected.numa_memory = true;
  }
}

void on_device(Collected& collected, const std::string& value) {
  const auto options = QemuOptions::parse(value, "driver");
  const std::string driver = options.get_or("driver", "");
  if (driver != "pc-dimm" && !driver.starts_with("virtio-mem")) return;
  if (const auto memdev = options.get("memdev")) collected.ram_memdevs.insert(*memdev);
}

void on_chardev(Collected& collected, const std::string& value) {
  const auto options = QemuOptions::parse(value, "backend");
  if (options.get_or("backend", "") != "socket") return;
  if (const auto socket = listening_socket(options))
    collected.chardevs[options.get_or("id", "")] = *socket;
}

void on_monitor(Collected& collected, const std::string& value) {
  const auto options = QemuOptions::parse(value, "chardev");
  if (options.get_or("mode", "readline") != "control") return;
  collected.control_chardevs.push_back(options.get_or("chardev", ""));
}

void on_qmp(Collected& collected, const std::string& value) {
  if (value.starts_with("chardev:")) {
    collected.control_chardevs.push_back(value.substr(8));
  } else if (value.starts_with("unix:")) {
    if (const auto socket =
            listening_socket(QemuOptions::parse(std::string_view(value).substr(5), "path")))
      add_monitor(collected, *socket);
  }
}

struct KnownOption {
  std::string_view name;
  void (*handle)(Collected&, const std::string& value);
};
constexpr KnownOption kOptions[] = {
    {"M", on_machine},     {"chardev", on_chardev}, {"device", on_device},
    {"m", on_memory},      {"machine", on_machine}, {"mem-path", on_memory_path},
    {"mon", on_monitor},   {"name", on_name},       {"numa", on_numa},
    {"object", on_object}, {"qmp", on_qmp},         {"qmp-pretty", on_qmp},
    {"uuid", on_uuid},
};

void resolve_memory(Collected& collected) {
  QemuArguments& arguments = collected.arguments;
  for (RamBlock& backend : arguments.backends) {
    backend.is_ram =
        collected.ram_memdevs.contains(backend.id) || backend.id == collected.machine_backend;
    backend.merge = backend.merge && collected.machine_merge;
  }
  arguments.memory = collected.asked_memory;
  if (!arguments.memory)
    for (const RamBlock& backend : arguments.backends)
      if (backend.id == collected.machine_backend) arguments.memory = backend.size;
  const std::uint64_t asked = arguments.memory.value_or(kDefaultMemory).count();
  const std::uint64_t over = asked % kMemoryGranule;
  arguments.memory = Bytes(
      over == 0 || asked > UINT64_MAX - kMemoryGranule ? asked : asked + kMemoryGranule - over);
  if (collected.machine_backend.empty() && !collected.numa_memory) {
    RamBlock own;
    own.kind = collected.memory_path.empty() ? RamBlock::Kind::anonymous : RamBlock::Kind::file;
    own.size = arguments.memory;
    own.merge = collected.machine_merge;
    own.path = collected.memory_path;
    own.is_ram = true;
    arguments.backends.insert(arguments.backends.begin(), own);
  }
  for (const RamBlock& block : arguments.ram_blocks()) {
    arguments.shared = arguments.shared || block.share;
    arguments.merge = arguments.merge && block.merge;
  }
}

}  // namespace

std::vector<RamBlock> QemuArguments::ram_blocks() const {
  std::vector<RamBlock> blocks;
  std::copy_if(backends.begin(), backends.end(), std::back_inserter(blocks),
               [](const RamBlock& block) { return block.is_ram; });
  return blocks;
}

QemuArguments parse_system_emulator_arguments(const std::vector<std::string>& arguments) {
  Collected collected;
  for (std::size_t i = 1; i + 1 < arguments.size(); ++i) {
    std::string_view name = arguments[i];
    if (!name.starts_with('-')) continue;
    name.remove_prefix(name.starts_with("--") ? 2 : 1);
    const auto* known =
        std::find_if(std::begin(kOptions), std::end(kOptions),
                     [&](const KnownOption& option) { return option.name == name; });
    // LIMIT: the value of an option that is not in the table is looked at as an option of its own,
    // so
    // `-append -m` would mislead; QEMU's option table would be needed to tell flags from the rest.
    if (known != std::end(kOptions)) known->handle(collected, arguments[++i]);
  }
  for (const std::string& id : collected.control_chardevs)
    if (const auto chardev = collected.chardevs.find(id); chardev != collected.chardevs.end())
      add_monitor(collected, chardev->second);
  resolve_memory(collected);
  return collected.arguments;
}

bool is_system_emulator(std::string_view program) {
  constexpr std::string_view kDeleted = " (deleted)";  // the package was upgraded since
  if (program.ends_with(kDeleted)) program.remove_suffix(kDeleted.size());
  if (const auto slash = program.rfind('/'); slash != std::string_view::npos)
    program.remove_prefix(slash + 1);
  if (program.starts_with('.')) program.remove_prefix(1);  // Nix: .qemu-system-x86_64-wrapped
  return program.starts_with("qemu-system-") || program == "qemu-kvm" || program == "kvm" ||
         program == "qemu";
}

std::optional<QemuArguments> parse_qemu_arguments(const std::vector<std::string>& arguments) {
  if (arguments.empty() || !is_system_emulator(arguments[0])) return std::nullopt;
  return parse_system_emulator_arguments(arguments);
}

}  // namespace brim::host
