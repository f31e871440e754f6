// SPDX-License-Identifier: Apache-2.0
// The daemon itself is in a guest with version 2 alone (tests/live/thrash_v2_test.cpp).
#include "host/managed_oom.h"

#include "host/line_socket.h"
#include "host/test_processes.h"

#include <filesystem>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace brim::host {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::HasSubstr;

// As systemd 252 says them.
constexpr const char* kCall =
    R"({"method":"io.systemd.ManagedOOM.SubscribeManagedOOMCGroups","parameters":{},"more":true})";
constexpr const char* kAnswer =
    R"({"continues":true,"parameters":{"cgroups":[)"
    R"({"mode":"kill","path":"/brim-group-a","property":"ManagedOOMSwap"},)"
    R"({"mode":"kill","path":"/brim-group-a","property":"ManagedOOMMemoryPressure"}]}})";

TEST(ManagedOom, Is_there_where_all_cgroups_are_of_version_2) {
  EXPECT_TRUE(check_managed_oom(fixture("group-v2")));
  for (const char* other : {"group-hybrid", "group-v1"}) {
    const auto can = check_managed_oom(fixture(other));
    ASSERT_FALSE(can) << other;
    EXPECT_EQ(can.error().code, ErrorCode::missing);
    EXPECT_THAT(can.error().what, HasSubstr("version 2 alone, at /sys/fs/cgroup"));
  }
}

TEST(ManagedOom, Only_the_daemons_own_call_is_answered) {
  EXPECT_TRUE(check_managed_oom_call(kCall));
  for (const char* other :
       {"", "no JSON", "[]", R"({"method":3,"more":true})", R"({"method":"io.other","more":true})",
        R"({"method":"io.systemd.ManagedOOM.SubscribeManagedOOMCGroups"})"})
    EXPECT_FALSE(check_managed_oom_call(other)) << other;
}

TEST(ManagedOom, The_answer_names_a_cgroup_for_swap_and_for_pressure_and_leaves_more_to_come) {
  EXPECT_EQ(managed_oom_answer("/brim-group-a"), kAnswer);
}

TEST(ManagedOomSocket, Who_calls_is_told_and_stays_connected) {
  auto socket = ManagedOomSocket::create();
  ASSERT_TRUE(socket) << error_line(socket.error());
  const std::string group = "/sys/fs/cgroup/brim-group-a";
  EXPECT_EQ(socket->answer(group, milliseconds(1)), false) << "nobody has called";

  auto daemon = LineSocket::connect(socket->path(), '\0');
  ASSERT_TRUE(daemon) << error_line(daemon.error());
  ASSERT_TRUE(daemon->send(kCall, seconds(10)));
  EXPECT_EQ(socket->answer(group, seconds(10)), true);
  EXPECT_EQ(daemon->receive(seconds(10)).value_or("nothing"), kAnswer);
  const auto more = daemon->receive(milliseconds(1));
  ASSERT_FALSE(more);
  EXPECT_EQ(more.error().code, ErrorCode::io) << "no more in time, but not gone";
}

TEST(ManagedOomSocket, One_who_calls_something_else_is_an_error) {
  auto socket = ManagedOomSocket::create();
  ASSERT_TRUE(socket) << error_line(socket.error());
  auto other = LineSocket::connect(socket->path(), '\0');
  ASSERT_TRUE(other) << error_line(other.error());
  ASSERT_TRUE(other->send(R"({"method":"org.varlink.service.GetInfo"})", seconds(10)));
  const auto answered = socket->answer("/sys/fs/cgroup/brim-group-a", seconds(10));
  ASSERT_FALSE(answered);
  EXPECT_THAT(answered.error().what, HasSubstr("SubscribeManagedOOMCGroups"));
}

TEST(ManagedOomSocket, Its_folder_goes_with_it_or_before) {
  std::string folder;
  {
    auto socket = ManagedOomSocket::create();
    ASSERT_TRUE(socket) << error_line(socket.error());
    folder = socket->folder();
    EXPECT_TRUE(std::filesystem::is_socket(socket->path()));
  }
  EXPECT_FALSE(std::filesystem::exists(folder));
  auto socket = ManagedOomSocket::create();
  ASSERT_TRUE(socket) << error_line(socket.error());
  std::filesystem::remove_all(socket->folder());
}

}  // namespace
}  // namespace brim::host
