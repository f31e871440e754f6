// SPDX-License-Identifier: Apache-2.0
#include "host/libvirt.h"

#include "base/json_text.h"
#include "base/text.h"
#include "host/child.h"
#include "host/libvirt_memory.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdlib>
#include <memory>

#include <fmt/format.h>
#include <libvirt/libvirt.h>
#include <libvirt/virterror.h>
#include <nlohmann/json.hpp>

namespace brim::host {
namespace {

using nlohmann::json;

constexpr char kSystemUri[] = "qemu:///system";
constexpr char kPidDirectory[] = "/run/libvirt/qemu";

void be_silent(void* /*data*/, virErrorPtr /*error*/) {}

std::string last_error() {
  const virError* error = virGetLastError();
  const char* message = error != nullptr ? error->message : nullptr;
  return json_line({{"error", message != nullptr ? message : "unknown error"}});
}

json describe(const RamBlock& block) {
  return {{"id", block.id},
          {"kind", static_cast<int>(block.kind)},
          {"size_bytes", block.size->count()},
          {"share", block.share}};
}

RamBlock read_block(const json& entry) {
  RamBlock block;
  block.id = entry.value("id", "");
  block.kind = static_cast<RamBlock::Kind>(entry.value("kind", 0));
  block.size = Bytes(entry.value("size_bytes", std::uint64_t{0}));
  block.share = entry.value("share", false);
  block.is_ram = true;
  return block;
}

json describe(virDomainPtr domain) {
  const char* name = virDomainGetName(domain);
  const std::unique_ptr<char, decltype(&std::free)> xml(virDomainGetXMLDesc(domain, 0), &std::free);
  json devices = json::array();
  if (xml)
    for (const RamBlock& block : memory_devices(xml.get())) devices.push_back(describe(block));
  std::array<char, VIR_UUID_STRING_BUFLEN> uuid{};
  virDomainGetUUIDString(domain, uuid.data());
  return {{"name", name != nullptr ? name : ""},
          {"uuid", std::string(uuid.data())},
          {"memory_kib", virDomainGetMaxMemory(domain)},
          {"memory_devices", devices}};
}

// In the child. An object: {"domains": [...]} or {"error": "..."}.
std::string ask(const std::string& uri) {
  virSetErrorFunc(nullptr, be_silent);
  if (virInitialize() != 0) return last_error();
  virConnectPtr connection = virConnectOpenReadOnly(uri.c_str());
  if (connection == nullptr) return last_error();
  virDomainPtr* domains = nullptr;
  const int count = virConnectListAllDomains(connection, &domains, VIR_CONNECT_LIST_DOMAINS_ACTIVE);
  if (count < 0) return last_error();
  json list = json::array();
  for (int i = 0; i < count; ++i) list.push_back(describe(domains[i]));
  return json_line({{"domains", list}});  // the process ends here: nothing is freed
}

Result<std::vector<LibvirtDomain>> read_answer(const std::string& text, const std::string& uri) {
  const json reply = parse_json(text).value_or(nullptr);
  if (!reply.is_object()) return fail(ErrorCode::io, "libvirt's answer was cut short", uri);
  if (reply.contains("error"))
    return fail(ErrorCode::missing, "libvirt: " + reply.value("error", ""), uri);
  std::vector<LibvirtDomain> domains;
  for (const json& entry : reply.value("domains", json::array())) {
    LibvirtDomain domain{entry.value("name", ""), entry.value("uuid", ""), std::nullopt, {}};
    const auto kib = entry.value("memory_kib", std::uint64_t{0});
    if (kib != 0) domain.memory = kibibytes(kib);
    for (const json& device : entry.value("memory_devices", json::array()))
      domain.memory_devices.push_back(read_block(device));
    domains.push_back(std::move(domain));
  }
  std::sort(domains.begin(), domains.end(),
            [](const auto& a, const auto& b) { return a.name < b.name; });
  return domains;
}

}  // namespace

Result<std::vector<LibvirtDomain>> list_libvirt_domains(const std::string& uri,
                                                        std::chrono::milliseconds timeout) {
  auto text = run_in_child([&] { return ask(uri); }, timeout);
  if (!text) return fail(text.error().code, "libvirt: " + text.error().what, uri);
  return read_answer(*text, uri);
}

Result<std::vector<LibvirtDomain>> list_system_domains(const Host& host,
                                                       std::chrono::milliseconds timeout) {
  if (!host.live())
    return fail(ErrorCode::missing, "libvirt is not asked: not a live host", kSystemUri);
  if (!host.exists("/run/libvirt/libvirt-sock-ro") &&
      !host.exists("/run/libvirt/virtqemud-sock-ro"))
    return fail(ErrorCode::missing, "libvirt does not run here: it has no socket in /run/libvirt",
                kSystemUri);
  return list_libvirt_domains(kSystemUri, timeout);
}

std::map<int, std::string> read_libvirt_pid_files(const Host& host) {
  constexpr std::string_view kSuffix = ".pid";
  std::map<int, std::string> names;
  const auto files = host.list(kPidDirectory);
  if (!files) return names;
  for (const std::string& file : *files) {
    if (!file.ends_with(kSuffix)) continue;
    const auto text = host.read_value(fmt::format("{}/{}", kPidDirectory, file));
    const auto pid = text ? parse_number(*text) : std::nullopt;
    if (pid && *pid > 0 && *pid <= INT32_MAX)
      names[static_cast<int>(*pid)] = file.substr(0, file.size() - kSuffix.size());
  }
  return names;
}

std::string libvirt_library_version() {
  unsigned long number = 0;  // major * 1,000,000 + minor * 1,000 + release
  if (virGetVersion(&number, nullptr, nullptr) != 0) return "unknown";
  return fmt::format("{}.{}.{}", number / 1000000, number / 1000 % 1000, number % 1000);
}

}  // namespace brim::host
