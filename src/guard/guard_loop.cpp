// SPDX-License-Identifier: Apache-2.0
#include "guard/guard_loop.h"

#include <algorithm>
#include <cstdint>

#include <poll.h>

namespace brim::guard {
namespace {

using Nanoseconds = std::chrono::nanoseconds;

Nanoseconds loop_time() { return std::chrono::steady_clock::now().time_since_epoch(); }

struct Waiting {
  GuardedArea* area;
  Nanoseconds due{0};
};

// Until `due`, an alarm or a signal: poll() ends when one comes, which sleeping through would miss.
void wait_until(Nanoseconds due, std::vector<Waiting>& areas) {
  const Nanoseconds left = due - loop_time();
  if (left <= Nanoseconds(0)) return;
  // A signal between the question and poll() waits so long.
  constexpr std::int64_t kMostMs = 500;
  std::vector<pollfd> files;
  std::vector<Waiting*> owners;
  for (Waiting& waiting : areas)
    for (const int file : waiting.area->alarms()) {
      files.push_back({file, POLLPRI, 0});
      owners.push_back(&waiting);
    }
  const auto ms = std::chrono::ceil<std::chrono::milliseconds>(left).count();
  if (::poll(files.data(), files.size(), static_cast<int>(std::min(ms, kMostMs))) <= 0) return;
  for (std::size_t i = 0; i < files.size(); ++i)
    if ((files[i].revents & POLLPRI) != 0) {
      owners[i]->area->alarmed();
      owners[i]->due = Nanoseconds(0);
    }
}

Result<void> loop_over(std::vector<Waiting>& areas, bool once, const Cancel& cancel) {
  while (!cancel.requested()) {
    Nanoseconds next = Nanoseconds::max();
    for (Waiting& waiting : areas) {
      const Nanoseconds now = loop_time();
      if (now >= waiting.due) {
        BRIM_TRY(const Nanoseconds pause, waiting.area->step(now));
        waiting.due = loop_time() + pause;
      }
      next = std::min(next, waiting.due);
    }
    if (once) return {};
    wait_until(next, areas);
  }
  return {};
}

}  // namespace

Result<void> run_areas(std::span<GuardedArea* const> areas, bool once, const Cancel& cancel) {
  std::vector<Waiting> waiting;
  for (GuardedArea* const area : areas) waiting.push_back({area});
  auto outcome = loop_over(waiting, once, cancel);
  for (GuardedArea* const area : areas) area->wind_up();
  return outcome;
}

}  // namespace brim::guard
