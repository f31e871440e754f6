// SPDX-License-Identifier: Apache-2.0
#include "cli/share_options.h"

#include "base/text.h"

#include <random>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

namespace brim::cli {
namespace {

void declare_subjects(CLI::App& command, share::Selection& selection) {
  command.add_flag("--vms", selection.vms,
                   "All QEMU VMs of this host (the default if there are any)");
  command.add_option("--pid", selection.pids, "A process, by pid (may be repeated)")
      ->type_name("PID");
  command
      .add_option("--name", selection.names,
                  "VMs of this name, else processes of this name; * and ? match")
      ->type_name("NAME");
  command
      .add_option("--cgroup", selection.cgroups,
                  "Processes in a cgroup: a path or a systemd unit, with all below it")
      ->type_name("CGROUP");
  command
      .add_option("--image", selection.images,
                  "A VM's memory in a file: raw, .vmem, ELF core, compressed kdump")
      ->type_name("FILE");
}

void declare_methods(CLI::App& command, ShareScanText& typed) {
  command.add_option("--page-size", typed.page_size, "Size of the pages compared")
      ->check(CLI::IsMember({"4K", "2M", "both"}, CLI::ignore_case))
      ->capture_default_str();
  command
      .add_option("--sample", typed.sample,
                  "Keep only this share of contents (1%); heavy contents stay exact, the rest "
                  "gets 95 % intervals; saves memory, not reading")
      ->type_name("SHARE");
  command.add_flag("--confirm", typed.confirm,
                   "Compare equal pages byte by byte instead of trusting the 128-bit hash");
  command
      .add_option("--second-look", typed.second_look,
                  "Wait this long, read again, and tell pages that change from stable ones")
      ->type_name("TIME");
  command
      .add_option("--beyond", typed.beyond,
                  "Near-identical and compressible pages: none, sampled (default; none with "
                  "--every) or exact")
      ->check(CLI::IsMember({"none", "sampled", "exact"}));
  command.add_option("--groups", typed.groups, "How many of the largest groups to list")
      ->capture_default_str();
  command.add_flag("--stable-hash", typed.stable_hash,
                   "Hashes that are the same in every run (default: keyed per run)");
  command.add_option("--threads", typed.threads, "Threads; 0: all processors")
      ->check(CLI::Range(0U, 1024U))
      ->capture_default_str();
  command.add_option("--seed", typed.seed, "Seed of sampling and hash keys (default: drawn)")
      ->type_name("N");
}

}  // namespace

void declare_share_scan(CLI::App& command, ShareScanText& typed) {
  declare_subjects(command, typed.selection);
  declare_methods(command, typed);
  command.add_option("--every", typed.every, "Look again at this interval, with --for")
      ->type_name("TIME");
  command.add_option("--for", typed.duration, "How long to go on looking")->type_name("TIME");
  add_output_options(command, typed.output);
  command.get_option("--table")->check(
      CLI::IsMember({"potential", "subjects", "memory", "real", "causes", "matrix", "groups",
                     "beyond", "time", "ksm"}));
  command.add_option("--html", typed.html, "Also write the HTML report to this file")
      ->type_name("FILE");
  command.add_option("--label", typed.label, "A name for this run in 'brim runs'")
      ->type_name("TEXT");
  command.add_flag("--no-store", typed.no_store, "Don't record the run");
  command.footer(
      "Reads memory only; nothing is unmerged, faulted in or split. Other users' processes need "
      "root.\n"
      "Without subjects: all VMs, or the 20 largest processes where there is none.\n"
      "Example:\n"
      "  sudo brim share scan --vms --html report.html\n"
      "  brim share scan --image a.vmem --image b.elf --page-size both\n"
      "  sudo brim share scan --name 'web*' --every 5s --for 10min");
}

Result<ShareScanOptions> checked(const ShareScanText& typed) {
  ShareScanOptions options;
  const std::string size = CLI::detail::to_lower(typed.page_size);
  options.scan.page_4k = size != "2m";
  options.scan.page_2m = size != "4k";
  options.scan.threads = typed.threads;
  options.scan.confirm = typed.confirm;
  options.scan.groups = typed.groups;
  options.scan.stable_hash = typed.stable_hash;
  const auto at = [](const char* option, Error error) {
    error.where = option;
    return fail(std::move(error));
  };
  const auto duration = [](const std::string& text) { return parse_duration(text); };
  if (!typed.sample.empty()) {
    const auto share = parse_fraction(typed.sample);
    if (!share) return at("--sample", share.error());
    options.scan.sample = *share;
  }
  if (!typed.second_look.empty()) {
    const auto wait = duration(typed.second_look);
    if (!wait) return at("--second-look", wait.error());
    options.scan.second_look = *wait;
  }
  if (typed.every.empty() != typed.duration.empty())
    return fail(ErrorCode::bad_input, "--every and --for go together: --every 5s --for 10min");
  if (!typed.every.empty()) {
    const auto every = duration(typed.every);
    if (!every) return at("--every", every.error());
    const auto total = duration(typed.duration);
    if (!total) return at("--for", total.error());
    if (every->count() == 0) return fail(ErrorCode::bad_input, "must be more than 0", "--every");
    options.every = *every;
    options.duration = *total;
    options.scan.remember_pages = true;
  }
  std::string beyond = typed.beyond;
  if (beyond.empty()) beyond = options.every ? "none" : "sampled";
  options.scan.beyond = beyond == "none"    ? share::Beyond::none
                        : beyond == "exact" ? share::Beyond::exact
                                            : share::Beyond::sampled;
  std::random_device device;
  options.seed = static_cast<std::uint64_t>(device()) << 32 | device();
  if (!typed.seed.empty()) {
    const auto seed = parse_number(typed.seed);
    if (!seed)
      return fail(ErrorCode::bad_input,
                  fmt::format("'{}' is not a whole number from 0 to 2^64-1", typed.seed), "--seed");
    options.seed = *seed;
  }
  return options;
}

nlohmann::json options_json(const ShareScanText& typed, const ShareScanOptions& options) {
  static constexpr const char* kBeyond[] = {"none", "sampled", "exact"};
  return {{"page_size", typed.page_size},
          {"threads", typed.threads},
          {"confirm", typed.confirm},
          {"sample", typed.sample},
          {"second_look", typed.second_look},
          {"beyond", kBeyond[static_cast<std::size_t>(options.scan.beyond)]},
          {"stable_hash", typed.stable_hash},
          {"every", typed.every},
          {"for", typed.duration},
          {"seed", options.seed}};
}

}  // namespace brim::cli
