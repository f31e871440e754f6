// SPDX-License-Identifier: Apache-2.0
#include "lab/agent/service.h"

#include "base/json_text.h"

#include <chrono>
#include <string>
#include <thread>

#include <gtest/gtest.h>

namespace brim::lab {
namespace {

using nlohmann::json;

json ask(Service& service, const json& request) {
  return parse_json(service.answer(json_line(request))).value_or(nullptr);
}

// Asks until the load has done a cycle, or ended.
json state_after_a_cycle(Service& service) {
  for (int i = 0; i < 1000; ++i) {
    const json state = ask(service, {{"command", "load status"}})["return"];
    if (state["cycles"] > 0 || !state["running"]) return state;
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  return nullptr;
}

TEST(Service, An_answer_carries_its_request_s_id) {
  Service service({"no balloon"});
  const json answer = ask(service, {{"id", 17}, {"command", "hello"}});
  EXPECT_EQ(answer["id"], 17);
  EXPECT_EQ(answer["return"]["protocol"], kAgentProtocol);
  EXPECT_EQ(answer["return"]["problems"], json({"no balloon"}));
  EXPECT_GT(answer["return"]["uptime_seconds"], 0.0);
}

TEST(Service, What_is_no_request_gets_an_error_and_the_next_one_its_answer) {
  Service service({});
  EXPECT_TRUE(parse_json(service.answer("{"))->contains("error"));
  EXPECT_TRUE(parse_json(service.answer("[1]"))->contains("error"));
  EXPECT_TRUE(ask(service, {{"command", 5}}).contains("error"));
  EXPECT_NE(ask(service, {{"command", "reboot"}})["error"].get<std::string>().find("load start"),
            std::string::npos);
  EXPECT_TRUE(ask(service, {{"command", "meminfo"}}).contains("return"));
}

TEST(Service, A_load_fills_cycles_and_is_gone_when_stopped) {
  Service service({});
  const json started =
      ask(service, {{"command", "load start"}, {"load", "bytes=1MiB,write_rate=1/32,pause=5ms"}});
  ASSERT_TRUE(started.contains("return")) << started;
  EXPECT_TRUE(ask(service, {{"command", "load start"}, {"load", "idle"}}).contains("error"))
      << "one at a time";
  const json state = state_after_a_cycle(service);
  EXPECT_TRUE(state["running"]) << state;
  EXPECT_TRUE(state["filled"]);
  EXPECT_GE(state["writes"], 8);
  const json stopped = ask(service, {{"command", "load stop"}})["return"];
  EXPECT_FALSE(stopped["running"]);
  EXPECT_GE(stopped["cycles"], 1);
  EXPECT_FALSE(ask(service, {{"command", "load status"}})["return"]["running"]);
  EXPECT_TRUE(ask(service, {{"command", "load start"}, {"load", "idle"}}).contains("return"));
}

TEST(Service, A_load_that_gets_no_memory_says_that_it_ended) {
  Service service({});
  ask(service, {{"command", "load start"}, {"load", "bytes=1048576GiB"}});
  const json state = state_after_a_cycle(service);
  EXPECT_FALSE(state["running"]) << state;
  EXPECT_FALSE(state["ended"].get<std::string>().empty());
}

// Needs no guest: there is no such disk on the host, or no right to namespaces.
TEST(Service, A_load_of_programs_outside_a_guest_fails_and_mounts_nothing) {
  Service service({});
  const json started = ask(service, {{"command", "load start"}, {"load", "mariadb"}});
  if (started.contains("error")) return;  // not root
  const json state = state_after_a_cycle(service);
  EXPECT_TRUE(state["failed"]) << state;
  EXPECT_NE(state["ended"].get<std::string>().find("no disk"), std::string::npos) << state;
}

TEST(Service, A_script_s_output_errors_and_status_come_back) {
  Service service({});
  const auto execute = [&service](const std::string& script, const json& seconds) {
    return ask(service, {{"command", "execute"}, {"script", script}, {"timeout_seconds", seconds}});
  };
  EXPECT_EQ(execute("echo out; echo wrong >&2; exit 3", 10U)["return"],
            json({{"status", 3}, {"output", "out\nwrong\n"}, {"truncated", false}}));
  EXPECT_EQ(execute("printf x", 10U)["return"]["output"], "x");
  EXPECT_EQ(execute("true", 10U)["return"],
            json({{"status", 0}, {"output", ""}, {"truncated", false}}));
  EXPECT_TRUE(execute("head -c 300000 /dev/zero | tr '\\0' x", 10U)["return"]["truncated"]);
  EXPECT_TRUE(execute("sleep 60", 1U).contains("error")) << "out of time";
  EXPECT_TRUE(execute("true", "soon").contains("error"));
  EXPECT_TRUE(execute("true", 1000000U).contains("error"));
  EXPECT_TRUE(ask(service, {{"command", "execute"}}).contains("error"));
}

TEST(Service, Meminfo_is_in_bytes_and_counts_without_a_unit_are_left_out) {
  const json figures =
      memory_figures("MemTotal:     121 kB\nHugePages_Total:   0\nodd\nMemFree: 1 kB\n");
  EXPECT_EQ(figures, json({{"MemTotal", 121 * 1024}, {"MemFree", 1024}}));
}

TEST(Service, Shutdown_is_answered_before_it_happens) {
  Service service({});
  EXPECT_FALSE(service.shutting_down());
  EXPECT_TRUE(ask(service, {{"command", "shutdown"}}).contains("return"));
  EXPECT_TRUE(service.shutting_down());
}

}  // namespace
}  // namespace brim::lab
