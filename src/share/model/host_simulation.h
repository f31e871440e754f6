// SPDX-License-Identifier: Apache-2.0
#pragma once
// A simulated host: guests with their loads, the mechanism that shares their memory, and the rule
// that sets it, in steps of model time. In each step first the guests write and read what they have
// to until its end, then the mechanism is told whether memory is short, and works.
//
// LIMIT: within a step all writes come before the mechanism's work; a step is short against pauses
// and scans (half a second).
// LIMIT: no swapping: a host with too little memory for its frames is said to be over, and goes on.

#include "base/cancel.h"
#include "base/rng.h"
#include "base/units.h"
#include "share/model/ksm.h"
#include "share/model/ksm_tuner.h"
#include "share/model/ksmtuned.h"
#include "share/model/loads.h"
#include "share/model/mechanism.h"
#include "share/model/memory.h"
#include "share/model/population.h"
#include "share/model/tps.h"

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

namespace brim::share::model {

struct HostShape {
  Bytes memory{0};
  std::uint64_t cores = 1;
  Bytes own{0};                 // the hypervisor's or system's, constant
  Bytes overhead_per_guest{0};  // outside guest RAM: emulator, page tables
  Bytes pressure_below{0};      // free memory under which the mechanism is told of pressure
  Costs costs;
  std::chrono::duration<double, std::nano> copy_on_write{0};
};

struct GuestPlan {
  GuestShape shape;
  std::optional<SyntheticShape> load;
  // What its pages hold, in place of the shape's classes.
  std::shared_ptr<const std::vector<Content>> image = nullptr;
};

// How many the guests' classes have, before anything is written to them, and one for loads.
[[nodiscard]] std::uint64_t distinct_contents(const std::vector<GuestPlan>& guests);

// Makes the mechanism on the memory it is given. Null: nothing is shared.
using MakeMechanism = std::function<std::unique_ptr<Mechanism>(SimulatedMemory&, Rng)>;

struct HostSample {
  ModelTime at{0};  // since the loads' start
  SimulatedMemory::Totals memory;
  Bytes ram{0};                      // behind the guests: frames and overhead
  Work work;                         // so far
  double mechanism_cpu_percent = 0;  // since the sample before; 100 is one processor
  double host_cpu_percent = 0;       // of all processors
  std::uint64_t load_writes = 0;     // so far
  std::optional<KsmCounters> ksm;
  std::uint64_t ksm_pages_to_scan = 0;  // as its tuner has set it
  std::optional<PShare> pshare;
};

// used = minimum + intra + inter; zero pages apart.
struct SharingPotential {
  Pages zero{0};
  Pages used{0};
  Pages minimum{0};
  Pages intra{0};
  Pages inter{0};
};

struct SimulationTimes {
  ModelTime warm_up{0};  // guests are there, without their loads
  ModelTime duration{0};
  ModelTime sample_interval{0};
};

class HostSimulation {
 public:
  HostSimulation(const HostShape& host, const std::vector<GuestPlan>& guests,
                 const MakeMechanism& make_mechanism, const Rng& rng);
  ~HostSimulation();
  HostSimulation(const HostSimulation&) = delete;
  HostSimulation& operator=(const HostSimulation&) = delete;

  // KSM under ksmtuned: of a mechanism that is not KSM, a bug.
  void use_ksmtuned(const KsmtunedKnobs& knobs);
  // KSM under another tuner, from its first look at the start.
  void use_tuner(std::unique_ptr<KsmTuner> tuner);

  using Sink = std::function<void(const HostSample&)>;
  // One sample at 0, just before the loads start, then one each interval. `step` is told how far it
  // is, from 0 to 1. `interrupted` when cancelled; and what the mechanism's check() says.
  [[nodiscard]] Result<void> run(const SimulationTimes& times, const Sink& sink,
                                 const std::function<void(double)>& step, const Cancel& cancel);

  // What the guests' pages could share, whoever shares them: as `brim share scan` reckons it.
  [[nodiscard]] SharingPotential potential() const;
  [[nodiscard]] const SimulatedMemory& memory() const { return memory_; }
  [[nodiscard]] const Mechanism& mechanism() const { return *mechanism_; }

 private:
  void boot();
  void advance(ModelTime until);
  void tell_pressure();
  void tune(ModelTime now);
  [[nodiscard]] KsmView ksm_view() const;
  [[nodiscard]] HostMemory host_memory() const;
  [[nodiscard]] HostSample sample(ModelTime now);
  // With what the hypervisor takes for each besides.
  [[nodiscard]] Bytes with_overhead(Bytes guests) const;

  HostShape host_;
  SimulatedMemory memory_;
  std::unique_ptr<Mechanism> mechanism_;
  Ksm* ksm_ = nullptr;        // where the mechanism is that
  const Tps* tps_ = nullptr;  // or that
  std::optional<Ksmtuned> tuner_;
  std::unique_ptr<KsmTuner> other_tuner_;
  bool scanning_ = true;
  ModelTime paused_{0};  // the mechanism's clock is so much behind
  ModelTime next_tuning_{0};
  std::unique_ptr<GuestWriter> writer_;
  std::vector<SimulatedMemory::Range> guest_pages_;
  std::vector<Guest> guests_;
  std::vector<std::optional<SyntheticShape>> plans_;
  std::vector<std::shared_ptr<const std::vector<Content>>> images_;
  std::vector<std::unique_ptr<GuestLoad>> loads_;  // once started
  Rng rng_;
  ModelTime now_{0};
  ModelTime loads_start_{0};

  // At the sample before.
  ModelTime sampled_at_{0};
  double mechanism_cpu_ns_ = 0;
  double all_cpu_ns_ = 0;
};

}  // namespace brim::share::model
