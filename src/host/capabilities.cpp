// SPDX-License-Identifier: Apache-2.0
#include "host/capabilities.h"

#include "base/text.h"
#include "host/child.h"
#include "host/probe.h"

#include <cerrno>
#include <system_error>

#include <fmt/format.h>
#include <unistd.h>

namespace brim::host {
namespace {

constexpr std::chrono::milliseconds kTrialTimeout{3000};
constexpr char kSeparator = '\0';  // between the halves of a child's answer

Capability run_probe(const Host& host, const Probe& probe) {
  Capability capability;
  capability.name = probe.name;
  capability.area = probe.area;
  capability.checked_by = probe.checked_by;
  if (probe.needs_live && !host.live())
    works_partly(capability, "", "not checked: not a live host");
  else
    probe.run(host, capability);
  return capability;
}

}  // namespace

std::string_view name_of(Works works) {
  switch (works) {
    case Works::yes:
      return "yes";
    case Works::partly:
      return "partly";
    case Works::no:
      return "no";
  }
  return "no";
}

Trial trial_failed(std::string_view tried) {
  return {"", fmt::format("{}: {}", tried, std::generic_category().message(errno))};
}

Trial try_in_child(const std::function<Trial()>& trial) {
  const auto answer = run_in_child(
      [&] {
        const Trial result = trial();
        return result.found + kSeparator + result.error;
      },
      kTrialTimeout);
  if (!answer) return {"", answer.error().what};
  const std::size_t middle = answer->find(kSeparator);
  if (middle == std::string::npos) return {"", "a child process gave no answer"};
  return {answer->substr(0, middle), answer->substr(middle + 1)};
}

bool has_effective_capability(const Host& host, unsigned number) {
  constexpr std::string_view kKey = "CapEff:";  // a hexadecimal mask follows
  const auto status = host.read_file(fmt::format("/proc/{}/status", ::getpid()));
  const std::size_t at = status ? status->find(kKey) : std::string::npos;
  if (at == std::string::npos) return false;
  const std::string_view rest = std::string_view(*status).substr(at + kKey.size());
  const auto bits = parse_number(trim(rest.substr(0, rest.find('\n'))), 16);
  return bits && (*bits >> number & 1) != 0;
}

std::vector<Capability> probe_capabilities(const Host& host) {
  std::vector<Capability> capabilities;
  for (const auto table : {sharing_probes(), page_probes(), reclaim_probes(), cgroup_probes(),
                           network_probes(), virtual_probes()})
    for (const Probe& probe : table) capabilities.push_back(run_probe(host, probe));
  return capabilities;
}

}  // namespace brim::host
