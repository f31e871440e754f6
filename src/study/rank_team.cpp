// SPDX-License-Identifier: Apache-2.0
#include "study/rank_team.h"

#include "base/threads.h"

#include <algorithm>
#include <chrono>
#include <thread>

#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <sched.h>

namespace brim::study {
namespace {

using nlohmann::json;

constexpr int kLeader = 0;
constexpr int kTeamChannel = 0;
constexpr const char* kStop = "stop";
constexpr const char* kRoundDone = "round done";
constexpr const char* kRoundFailed = "round failed";
constexpr const char* kOver = "over";

void wait_a_little() { std::this_thread::sleep_for(std::chrono::milliseconds(1)); }

json optional_json(const std::optional<double>& value) { return value ? json(*value) : json(); }
std::optional<double> optional_of(const json& value) {
  return value.is_null() ? std::nullopt : std::optional(value.get<double>());
}

json json_of(std::span<const Sample> samples) {
  json all = json::array();
  for (const Sample& sample : samples)
    all.push_back({sample.metric, sample.subject, sample.t_seconds, sample.value,
                   optional_json(sample.low), optional_json(sample.high)});
  return all;
}

std::vector<Sample> samples_of(const json& all, const TaskId& task) {
  std::vector<Sample> samples;
  samples.reserve(all.size());
  for (const json& one : all) {
    Sample& sample = samples.emplace_back();
    sample.metric = one[0];
    sample.subject = one[1];
    sample.t_seconds = one[2];
    sample.value = one[3];
    sample.low = optional_of(one[4]);
    sample.high = optional_of(one[5]);
    sample.point = task.point;
    sample.repeat = task.repeat;
  }
  return samples;
}

json json_of(const Error& error) {
  return {{"code", static_cast<int>(error.code)}, {"what", error.what}, {"where", error.where}};
}

// As the leader reports it: what the user stopped needs no place.
Error error_of(const json& error, int rank) {
  Error told{static_cast<ErrorCode>(error["code"].get<int>()), error["what"], error["where"]};
  if (told.code == ErrorCode::interrupted) return told;
  const std::string at = fmt::format("rank {}", rank);
  told.where = told.where.empty() ? at : at + ": " + told.where;
  return told;
}

json parsed(const RankMessage& message) {
  const auto* bytes = reinterpret_cast<const std::uint8_t*>(message.bytes.data());
  json value = json::from_cbor(bytes, bytes + message.bytes.size(), true, false);
  BRIM_ASSERT(value.is_object());  // brim wrote it
  return value;
}

unsigned usable_processors() {
  cpu_set_t set;
  CPU_ZERO(&set);
  if (::sched_getaffinity(0, sizeof set, &set) != 0) return std::thread::hardware_concurrency();
  return static_cast<unsigned>(CPU_COUNT(&set));
}

// A helper's exceptions end the round in order, as they would end brim by itself.
Result<std::vector<Sample>> attempt(const RankTeam::RunTask& run, const TaskId& task,
                                    const Cancel& stop) {
  try {
    return run(task, stop);
  } catch (const std::exception& error) {
    return fail(ErrorCode::io, error.what());
  }
}

}  // namespace

Result<std::unique_ptr<RankTeam>> RankTeam::join(std::string build) {
  BRIM_TRY(std::unique_ptr<Ranks> ranks, join_ranks());
  if (!ranks) return nullptr;
  return std::make_unique<RankTeam>(std::move(ranks), std::move(build));
}

RankTeam::RankTeam(std::unique_ptr<Ranks> ranks, std::string build)
    : ranks_(std::move(ranks)), build_(std::move(build)) {}

RankTeam::~RankTeam() {
  if (leads()) say_to_helpers(kOver);
  while (!leads() && !over_) {
    if (heard().empty()) wait_a_little();
  }
}

unsigned RankTeam::threads() const {
  const unsigned share =
      std::thread::hardware_concurrency() / static_cast<unsigned>(ranks_->ranks_here());
  return std::max(1U, std::min(share, usable_processors()));
}

void RankTeam::send(int to, int channel, const json& message) {
  const std::vector<std::uint8_t> bytes = json::to_cbor(message);
  ranks_->send(to, channel, std::as_bytes(std::span(bytes)));
}

void RankTeam::say_to_helpers(const char* what) {
  for (int rank = 1; rank < ranks_->size(); ++rank) send(rank, kTeamChannel, {{"say", what}});
}

std::string RankTeam::heard() {
  const auto message = ranks_->receive(kTeamChannel);
  if (!message) return {};
  std::string said = parsed(*message)["say"];
  if (said == kOver) over_ = true;
  return said;
}

void RankTeam::lead(const std::string& study, TaskBoard& board, Progress& progress,
                    std::uint64_t units, const Cancel& cancel) {
  bool told_to_stop = false;
  ended_.clear();
  while (static_cast<int>(ended_.size()) < ranks_->size() - 1) {
    if (cancel.requested()) board.fail({ErrorCode::interrupted, "stopped", {}});
    if (board.failed() && !told_to_stop) {
      say_to_helpers(kStop);
      told_to_stop = true;
    }
    const auto message = ranks_->receive(std::nullopt);
    if (message)
      take_request(*message, study, board, progress, units);
    else
      wait_a_little();
  }
  say_to_helpers(board.failed() ? kRoundFailed : kRoundDone);
}

void RankTeam::take_request(const RankMessage& message, const std::string& study, TaskBoard& board,
                            Progress& progress, std::uint64_t units) {
  const json request = parsed(message);
  if (request.contains("error")) board.fail(error_of(request["error"], message.from));
  if (message.channel == kTeamChannel) {
    ended_.insert(message.from);
    return;
  }
  if (request.contains("study") && request["study"] != build_ + study)
    board.fail({ErrorCode::bad_input,
                "has another scenario or other images, or is another version of brim",
                fmt::format("rank {}", message.from)});
  const std::pair thread(message.from, message.channel);
  if (const auto given = given_.find(thread); given != given_.end()) {
    if (request.contains("samples")) {
      board.put(given->second, samples_of(request["samples"], given->second));
      progress.advance(units);
    }
    given_.erase(given);
  }
  json reply = json::object();
  if (const auto task = board.take()) {
    given_.emplace(thread, *task);
    reply["task"] = {task->repeat, task->point};
  }
  send(message.from, message.channel, reply);
}

Result<void> RankTeam::help(const std::string& study, unsigned threads, const RunTask& run,
                            const Cancel& cancel) {
  Cancel stop;
  std::atomic<bool> computed{false};
  const auto compute = [&] {
    run_on_threads(
        threads, [&](unsigned number) { help_on(static_cast<int>(number) + 1, study, run, stop); });
  };
  std::string said;
  run_beside(compute, computed, [&] {
    while (!computed) {
      said = heard();
      if (cancel.requested() || !said.empty()) stop.request();
      if (said.empty()) wait_a_little();
    }
  });
  send(kLeader, kTeamChannel, json::object());
  while (said != kRoundDone && said != kRoundFailed && !over_) {
    said = heard();
    if (said.empty()) wait_a_little();
  }
  if (said == kRoundDone) return {};
  return fail(ErrorCode::interrupted, "stopped");
}

void RankTeam::help_on(int channel, const std::string& study, const RunTask& run,
                       const Cancel& stop) {
  json request{{"study", build_ + study}};
  while (!over_) {
    send(kLeader, channel, request);
    auto reply = ranks_->receive(channel);
    while (!reply && !over_) {
      wait_a_little();
      reply = ranks_->receive(channel);
    }
    const json given = reply ? parsed(*reply) : json::object();
    if (!given.contains("task")) return;
    const TaskId task{given["task"][0], given["task"][1]};
    const auto samples = attempt(run, task, stop);
    request =
        samples ? json{{"samples", json_of(*samples)}} : json{{"error", json_of(samples.error())}};
  }
}

void RankTeam::give_up(const Error& error) {
  send(kLeader, kTeamChannel, {{"error", json_of(error)}});
}

}  // namespace brim::study
