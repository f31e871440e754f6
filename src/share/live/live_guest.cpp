// SPDX-License-Identifier: Apache-2.0
#include "share/live/live_guest.h"

#include "host/dependent_process.h"
#include "host/guest_cgroup.h"
#include "host/qemu.h"
#include "host/system.h"
#include "lab/agent/load.h"
#include "lab/cache.h"
#include "lab/guest.h"
#include "lab/guest_record.h"
#include "lab/guest_source.h"
#include "lab/prepare.h"
#include "lab/workshop.h"
#include "share/live/running_guest.h"
#include "share/measure/process_subject.h"

#include <algorithm>
#include <filesystem>
#include <set>

#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <unistd.h>

namespace brim::share::live {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr auto kAnswer = seconds(60);  // of an agent whose machine is busy
constexpr auto kMonitor = milliseconds(300);
constexpr auto kLoadStatus = seconds(2);  // a sample does not wait longer

lab::LoadState state_of(const nlohmann::json& told) {
  lab::LoadState state;
  state.running = told.value("running", false);
  state.filled = told.value("filled", false);
  state.cycles = told.value("cycles", std::uint64_t{0});
  state.writes = told.value("writes", std::uint64_t{0});
  state.work = told.value("work", std::uint64_t{0});
  state.failed = told.value("failed", false);
  state.ended = told.value("ended", std::string());
  return state;
}

class MachineGuest final : public LiveGuest {
 public:
  MachineGuest(LiveGuestPlan plan, lab::Guest guest)
      : LiveGuest(std::move(plan)), guest_(std::move(guest)) {}

  [[nodiscard]] std::optional<int> pid() const override { return guest_.pid(); }

  [[nodiscard]] Result<bool> ready(milliseconds timeout) override {
    const auto hello = guest_.wait_ready(timeout);
    if (hello) return true;
    if (guest_.run_state()) return false;  // QEMU is there: the guest still boots
    return fail(ErrorCode::gone, hello.error().what, plan_.name);
  }

  [[nodiscard]] Result<void> start_load() override {
    if (!plan_.load) return {};
    BRIM_TRY(const nlohmann::json started,
             guest_.command({{"command", "load start"}, {"load", lab::format_load(*plan_.load)}},
                            kAnswer));
    return {};
  }

  [[nodiscard]] std::optional<lab::LoadState> load_state() override {
    if (!plan_.load) return std::nullopt;
    const auto told = guest_.command({{"command", "load status"}}, kLoadStatus);
    if (!told) return std::nullopt;
    return state_of(*told);
  }

  [[nodiscard]] Result<void> pause() override { return guest_.pause(); }

  [[nodiscard]] Result<std::unique_ptr<Subject>> memory(const host::Host& host) override {
    if (!machine_) {
      BRIM_TRY(const host::Discovery found, host::discover_virtual_machines(host, kMonitor));
      const auto mine = std::find_if(
          found.machines.begin(), found.machines.end(),
          [this](const host::VirtualMachine& machine) { return machine.pid == guest_.pid(); });
      if (mine == found.machines.end())
        return fail(ErrorCode::gone, "its machine is no more", plan_.name);
      machine_ = *mine;
    }
    return open_vm_subject(host, *machine_);
  }

 private:
  lab::Guest guest_;
  std::optional<host::VirtualMachine> machine_;
};

// Its folder, record and cgroup are there from the start; the process itself is its load.
class ProcessGuest final : public LiveGuest {
 public:
  ProcessGuest(LiveGuestPlan plan, std::string agent)
      : LiveGuest(std::move(plan)), agent_(std::move(agent)) {}

  // The record first, and last to go: until then a killed brim's successor knows of the rest.
  ~ProcessGuest() override {
    process_.reset();
    cgroup_.reset();
    std::error_code ignored;
    if (!directory_.empty()) std::filesystem::remove_all(directory_, ignored);
    if (!record_.empty()) lab::remove_guest_record(record_);
  }
  ProcessGuest(const ProcessGuest&) = delete;
  ProcessGuest& operator=(const ProcessGuest&) = delete;

  [[nodiscard]] Result<void> prepare(const host::Host& host, const LivePlaces& places,
                                     const std::string& scratch) {
    std::string folder = fmt::format("{}/{}XXXXXX", scratch, host::kGuestCgroupPrefix);
    if (::mkdtemp(folder.data()) == nullptr)
      return fail(errno_error(errno, "make a folder for a guest", folder));
    directory_ = folder;
    const std::string own = std::filesystem::path(directory_).filename().string();
    BRIM_TRY(const std::string path, host::guest_cgroup_path(host, own));
    BRIM_TRY(record_, lab::write_guest_record(host, places.records, directory_, path));
    BRIM_TRY(auto cgroup, host::GuestCgroup::create(host, own, host_memory_limit(plan_)));
    cgroup_.emplace(std::move(cgroup));
    BRIM_TRY(auto progress, lab::ProgressFile::open(progress_path()));
    progress_.emplace(std::move(progress));
    return {};
  }

  [[nodiscard]] std::optional<int> pid() const override {
    if (!process_) return std::nullopt;
    return process_->pid();
  }
  [[nodiscard]] Result<bool> ready(milliseconds /*timeout*/) override { return true; }

  [[nodiscard]] Result<void> start_load() override {
    const lab::Load load = plan_.load.value_or(lab::Load{});
    host::ProgramStart start;
    start.arguments = {agent_,        "--load",     lab::format_load(load),
                       "--mergeable", "--progress", progress_path()};
    start.log = directory_ + "/load.log";
    start.cgroup = cgroup_->path();
    start.huge_pages = plan_.huge_pages;
    BRIM_TRY(auto process, host::DependentProcess::start(start));
    process_.emplace(std::move(process));
    return {};
  }

  [[nodiscard]] std::optional<lab::LoadState> load_state() override {
    if (!process_) return lab::LoadState{};
    const lab::LoadProgress& progress = progress_->progress();
    lab::LoadState state;
    state.running = process_->running();
    state.filled = progress.filled;
    state.cycles = progress.cycles;
    state.writes = progress.writes;
    return state;
  }

  [[nodiscard]] Result<void> pause() override {
    if (process_) process_->pause();
    return {};
  }

  [[nodiscard]] Result<std::unique_ptr<Subject>> memory(const host::Host& host) override {
    if (!process_) return fail(ErrorCode::gone, "it has not started", plan_.name);
    return open_process_subject(host, process_->pid());
  }

 private:
  [[nodiscard]] std::string progress_path() const { return directory_ + "/progress"; }

  std::optional<host::GuestCgroup> cgroup_;
  std::optional<host::DependentProcess> process_;
  std::optional<lab::ProgressFile> progress_;
  std::string agent_;
  std::string directory_;
  std::string record_;
};

Result<std::unique_ptr<LiveGuest>> start_machine(const host::Host& host, const LiveGuestPlan& plan,
                                                 const LivePlaces& places,
                                                 const std::string& scratch) {
  BRIM_TRY(const lab::Cache cache, lab::Cache::open_for_reading(places.cache));
  lab::GuestOptions options;
  options.name = plan.name;
  BRIM_TRY(options.files, lab::find_kernel(cache, plan.kernel, ""));
  if (plan.load && plan.load->kind != lab::LoadKind::synthetic) {
    BRIM_TRY(options.root_image, lab::prepared_root(cache));
  }
  options.kernel_arguments = plan.kernel_arguments;
  options.memory = plan.memory;
  options.host_memory_limit = host_memory_limit(plan);
  options.processors = plan.processors;
  options.huge_pages = plan.huge_pages;
  options.directory = scratch;
  options.records = places.records;
  BRIM_TRY(lab::Guest guest, lab::Guest::start(host, options));
  return std::make_unique<MachineGuest>(plan, std::move(guest));
}

Result<std::unique_ptr<LiveGuest>> start_process(const host::Host& host, const LiveGuestPlan& plan,
                                                 const LivePlaces& places,
                                                 const std::string& scratch) {
  auto guest = std::make_unique<ProcessGuest>(plan, places.agent);
  BRIM_CHECK(guest->prepare(host, places, scratch));
  return guest;
}

Result<void> check_kernels(const LivePlan& plan, const LivePlaces& places) {
  std::set<std::string> kernels;
  for (const LiveGuestPlan& guest : plan.guests)
    if (guest.kind == GuestKind::qemu) kernels.insert(guest.kernel);
  if (kernels.empty()) return {};
  constexpr char kEmulator[] = "qemu-system-x86_64";
  if (!lab::on_path(kEmulator))
    return fail(ErrorCode::missing, "not installed; try 'apt install qemu-system-x86'", kEmulator);
  const auto cache = lab::Cache::open_for_reading(places.cache);
  if (!cache && cache.error().code == ErrorCode::missing)
    return fail(ErrorCode::missing, "no kernels for guests; run 'sudo brim lab prepare'",
                places.cache);
  if (!cache) return fail(cache.error());
  for (const std::string& kernel : kernels) {
    BRIM_TRY(const lab::KernelFiles files, lab::find_kernel(*cache, kernel, ""));
  }
  for (const LiveGuestPlan& guest : plan.guests)
    if (guest.load && guest.load->kind != lab::LoadKind::synthetic) {
      BRIM_TRY(const std::string root, lab::prepared_root(*cache));
    }
  return {};
}

Result<void> check_agent(const LivePlan& plan, const LivePlaces& places) {
  const bool needed =
      std::any_of(plan.guests.begin(), plan.guests.end(),
                  [](const LiveGuestPlan& guest) { return guest.kind == GuestKind::process; });
  if (!needed || !places.agent.empty()) return {};
  return fail(ErrorCode::missing, "not beside brim: processes are guests by it", "brim-agent");
}

Result<void> check_memory(const host::Host& host, const LivePlan& plan) {
  Bytes wanted(0);
  for (const LiveGuestPlan& guest : plan.guests) wanted = wanted + host_memory_limit(guest);
  const auto started =
      std::count_if(plan.guests.begin(), plan.guests.end(), [](const LiveGuestPlan& guest) {
        return guest.kind != GuestKind::running;  // what runs has its memory already
      });
  BRIM_TRY(const host::MemoryInfo info, host::read_memory_info(host));
  // A tenth is left to everybody else.
  const Bytes there(info.available_bytes / 10 * 9);
  if (wanted <= there) return {};
  return fail(ErrorCode::missing,
              fmt::format("{} guests may take {} MiB, and {} MiB are available: use fewer or "
                          "smaller ones, or --set study.scale=0.1",
                          started, wanted.count() >> 20, there.count() >> 20));
}

}  // namespace

Result<std::unique_ptr<LiveGuest>> start_guest(const host::Host& host, const LiveGuestPlan& plan,
                                               const LivePlaces& places,
                                               const std::string& scratch) {
  switch (plan.kind) {
    case GuestKind::qemu:
      return start_machine(host, plan, places, scratch);
    case GuestKind::process:
      return start_process(host, plan, places, scratch);
    case GuestKind::running:
      break;
  }
  return open_running_guest(host, plan, places.pauses);
}

Result<void> check_live(const host::Host& host, const LivePlan& plan, const LivePlaces& places) {
  if (!host.live())
    return fail(ErrorCode::missing, "a live study needs this machine, not files of another",
                host.root());
  if (starts_guests(plan)) {
    BRIM_TRY(const std::string cgroup, host::guest_cgroup_path(host, "brim-lab-check"));
  }
  if (::geteuid() != 0)
    return fail(ErrorCode::missing, "a live study needs root, for cgroups and KSM; try sudo");
  BRIM_TRY(const LivePlan found, find_running_guests(host, plan));
  BRIM_CHECK(check_kernels(plan, places));
  BRIM_CHECK(check_agent(plan, places));
  return check_memory(host, plan);
}

}  // namespace brim::share::live
