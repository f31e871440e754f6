// SPDX-License-Identifier: Apache-2.0
#pragma once
// A machine that only remembers what a control did to it.

#include "thrash/model/thrash_control.h"

#include <algorithm>
#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

namespace brim::thrash::model::test {

// 1,000 frames, of which none are free; all processes have started, and are alike.
class FakeMachine final : public MachineControls {
 public:
  explicit FakeMachine(std::size_t processes, std::size_t frames_of_each = 100) : views(processes) {
    for (ProcessView& view : views)
      view = {.runs = true, .runnable = true, .frames = frames_of_each};
  }

  [[nodiscard]] std::size_t processes() const override { return views.size(); }
  [[nodiscard]] ProcessView process(ThreadNumber process) const override {
    return views.at(process);
  }
  [[nodiscard]] std::size_t free_frames() const override { return free; }
  [[nodiscard]] const Watermarks& watermarks() const override { return marks; }
  [[nodiscard]] const MemoryCounts& memory_counts() const override { return counts; }
  [[nodiscard]] ProcessorTimes processor_times() override { return times; }
  [[nodiscard]] ModelTime device_busy() const override { return device; }

  void freeze(ThreadNumber process) override {
    views.at(process).frozen = true;
    did_to("freeze", process);
  }
  void thaw(ThreadNumber process) override {
    views.at(process).frozen = false;
    did_to("thaw", process);
  }
  void kill(ThreadNumber process) override { views.at(process).runs = false; }
  void exempt(ThreadNumber process, bool exempt) override {
    did_to(exempt ? "spare" : "spare no more", process);
  }
  void order_out(ThreadNumber process) override { did_to("out", process); }
  void order_in(ThreadNumber process) override { did_to("in", process); }

  // Since the last call: "freeze 1, out 1".
  [[nodiscard]] std::string done() { return std::exchange(done_, {}); }
  [[nodiscard]] std::vector<ThreadNumber> not_frozen() const {
    std::vector<ThreadNumber> numbers;
    for (ThreadNumber number = 0; number < views.size(); ++number)
      if (views[number].runs && !views[number].frozen) numbers.push_back(number);
    return numbers;
  }

  std::vector<ProcessView> views;
  std::size_t free = 0;
  Watermarks marks{.min = Pages(10), .low = Pages(20), .high = Pages(40)};
  MemoryCounts counts;
  ProcessorTimes times;
  ModelTime device{0};

 private:
  void did_to(const char* what, ThreadNumber process) {
    done_ += fmt::format("{}{} {}", done_.empty() ? "" : ", ", what, process);
  }
  std::string done_;
};

}  // namespace brim::thrash::model::test
