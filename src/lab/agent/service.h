// SPDX-License-Identifier: Apache-2.0
#pragma once
// What the agent answers. One JSON object a line each way, over the virtio-serial port
// org.brim.agent: {"id": 1, "command": "load start", "load": "bytes=32MiB,write_rate=1/32"} gets
// {"id": 1, "return": {...}} or {"id": 1, "error": "..."}. A line that is no request gets an error
// with a null id. docs/lab.md lists the commands.

#include "lab/agent/load_process.h"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

namespace brim::lab {

inline constexpr std::string_view kAgentPort = "org.brim.agent";
inline constexpr int kAgentProtocol = 1;

class Service {
 public:
  // `problems`: what went wrong while the guest started, for "hello".
  explicit Service(std::vector<std::string> problems) : problems_(std::move(problems)) {}

  // The answer to one line, without its line end.
  [[nodiscard]] std::string answer(std::string_view line);
  // "shutdown" was asked for: the answer is to be sent first.
  [[nodiscard]] bool shutting_down() const { return shutting_down_; }

 private:
  using Answer = Result<nlohmann::json>;
  struct Command;
  static const Command kCommands[];

  [[nodiscard]] Answer hello(const nlohmann::json& request);
  [[nodiscard]] Answer load_start(const nlohmann::json& request);
  [[nodiscard]] Answer load_status(const nlohmann::json& request);
  [[nodiscard]] Answer load_stop(const nlohmann::json& request);
  [[nodiscard]] Answer memory_information(const nlohmann::json& request);
  [[nodiscard]] Answer shutdown(const nlohmann::json& request);
  [[nodiscard]] Answer execute(const nlohmann::json& request);
  [[nodiscard]] Answer run_command(const nlohmann::json& request);

  std::vector<std::string> problems_;
  std::optional<Load> load_;
  std::optional<LoadProcess> process_;
  bool shutting_down_ = false;
};

// "MemTotal:  121 kB" lines as {"MemTotal": 123904}: bytes; lines without a unit are left out.
[[nodiscard]] nlohmann::json memory_figures(std::string_view text);

}  // namespace brim::lab
