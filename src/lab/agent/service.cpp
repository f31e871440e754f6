// SPDX-License-Identifier: Apache-2.0
#include "lab/agent/service.h"

#include "base/json_text.h"
#include "base/text.h"
#include "host/child.h"

#include <chrono>
#include <fstream>
#include <iterator>

#include <fmt/format.h>
#include <sys/utsname.h>

namespace brim::lab {
namespace {

using nlohmann::json;

constexpr std::size_t kMostScriptOutput = std::size_t{256} << 10;
constexpr unsigned kLongestScriptSeconds = 3600;
// Output and errors together, then the status on a line of its own.
constexpr char kRunScript[] = R"(/bin/sh -c "$1" 2>&1; printf '\n%d' $?)";

std::string text_of(const char* path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

json state_json(const std::optional<Load>& load, std::optional<LoadProcess>& process) {
  if (!load || !process) return {{"running", false}, {"load", nullptr}};
  const LoadState state = process->state();
  return {{"running", state.running}, {"load", format_load(*load)}, {"filled", state.filled},
          {"cycles", state.cycles},   {"writes", state.writes},     {"work", state.work},
          {"failed", state.failed},   {"ended", state.ended}};
}

}  // namespace

struct Service::Command {
  std::string_view name;
  Answer (Service::*run)(const json& request);
};

const Service::Command Service::kCommands[] = {
    {"execute", &Service::execute},       {"hello", &Service::hello},
    {"load start", &Service::load_start}, {"load status", &Service::load_status},
    {"load stop", &Service::load_stop},   {"meminfo", &Service::memory_information},
    {"shutdown", &Service::shutdown},
};

json memory_figures(std::string_view text) {
  json figures = json::object();
  for (const std::string_view line : split(text, '\n')) {
    const std::size_t colon = line.find(':');
    if (colon == std::string_view::npos || !line.ends_with(" kB")) continue;
    const std::string_view digits = trim(line.substr(colon + 1, line.size() - colon - 4));
    if (const auto number = parse_number(digits))
      figures[std::string(line.substr(0, colon))] = *number * 1024;
  }
  return figures;
}

// The cgroup controllers are those of a guest that mounted version 2 alone.
Service::Answer Service::hello(const json& /*request*/) {
  utsname system{};
  ::uname(&system);
  const std::string uptime = text_of("/proc/uptime");
  return json{{"agent", "brim-agent"},
              {"protocol", kAgentProtocol},
              {"kernel", system.release},
              {"uptime_seconds", std::strtod(uptime.c_str(), nullptr)},
              {"cgroup_controllers", std::string(trim(text_of("/sys/fs/cgroup/"
                                                              "cgroup.controllers")))},
              {"problems", problems_}};
}

Service::Answer Service::load_start(const json& request) {
  const auto text = request.find("load");
  if (text == request.end() || !text->is_string())
    return fail(ErrorCode::bad_input, "expected \"load\": a string such as bytes=32MiB");
  BRIM_TRY(const Load load, parse_load(text->get<std::string>()));
  if (process_ && process_->state().running)
    return fail(ErrorCode::bad_input, "a load runs already; stop it first");
  process_.reset();
  BRIM_TRY(LoadProcess process, LoadProcess::start(load));
  process_.emplace(std::move(process));
  load_ = load;
  return state_json(load_, process_);
}

Service::Answer Service::load_status(const json& /*request*/) {
  return state_json(load_, process_);
}

Service::Answer Service::load_stop(const json& /*request*/) {
  json last = state_json(load_, process_);
  process_.reset();
  load_.reset();
  last["running"] = false;
  return last;
}

Service::Answer Service::memory_information(const json& /*request*/) {
  return memory_figures(text_of("/proc/meminfo"));
}

Service::Answer Service::shutdown(const json& /*request*/) {
  process_.reset();
  shutting_down_ = true;
  return json::object();
}

// In a shell of the initramfs, with busybox's commands. Nothing else is answered meanwhile. What it
// starts in the background is killed with it where it runs out of time, and else goes on.
Service::Answer Service::execute(const json& request) {
  const auto script = request.find("script");
  if (script == request.end() || !script->is_string())
    return fail(ErrorCode::bad_input, "expected \"script\": a string");
  const auto timeout = request.value("timeout_seconds", json(10U));
  if (!timeout.is_number_unsigned() || timeout.get<std::uint64_t>() > kLongestScriptSeconds)
    return fail(ErrorCode::bad_input,
                fmt::format("expected \"timeout_seconds\": at most {}", kLongestScriptSeconds));
  BRIM_TRY(std::string output,
           host::run_program({"/bin/sh", "-c", kRunScript, "sh", script->get<std::string>()},
                             std::chrono::seconds(timeout.get<unsigned>())));
  const std::size_t last = output.rfind('\n');
  const auto status = parse_number(std::string_view(output).substr(last + 1));
  if (!status) return fail(ErrorCode::io, "the shell told no status");
  output.resize(last);
  const bool truncated = output.size() > kMostScriptOutput;
  if (truncated) output.resize(kMostScriptOutput);
  return json{{"status", *status}, {"output", std::move(output)}, {"truncated", truncated}};
}

Service::Answer Service::run_command(const json& request) {
  const auto name = request.find("command");
  if (name == request.end() || !name->is_string())
    return fail(ErrorCode::bad_input, "expected \"command\": a string");
  std::string known;
  for (const Command& command : kCommands) {
    if (*name == command.name) return (this->*command.run)(request);
    known += (known.empty() ? "" : ", ") + std::string(command.name);
  }
  return fail(ErrorCode::bad_input, fmt::format("no such command; there are {}", known));
}

std::string Service::answer(std::string_view line) {
  const auto request = parse_json(line);
  if (!request || !request->is_object())
    return json_line({{"id", nullptr}, {"error", "expected one JSON object a line"}});
  json reply = {{"id", request->contains("id") ? (*request)["id"] : json(nullptr)}};
  if (Answer result = run_command(*request); result)
    reply["return"] = std::move(*result);
  else
    reply["error"] = error_line(result.error());
  return json_line(reply);
}

}  // namespace brim::lab
