// SPDX-License-Identifier: Apache-2.0
#include "share/live/running_guest.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace brim::share::live {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

host::VirtualMachine machine(int pid, const std::string& name) {
  host::VirtualMachine made;
  made.pid = pid;
  made.name = name;
  made.ram.push_back({.start = 0x1000, .end = 0x2000, .shared = false, .identified_by = "-m"});
  return made;
}

LiveGuestPlan wanted(const std::string& pattern) {
  LiveGuestPlan guest;
  guest.kind = GuestKind::running;
  guest.machine = pattern;
  return guest;
}

LiveGuestPlan started(const std::string& name) {
  LiveGuestPlan guest;
  guest.name = name;
  return guest;
}

LivePlan plan_of(std::vector<LiveGuestPlan> guests) {
  LivePlan plan;
  plan.guests = std::move(guests);
  return plan;
}

std::vector<std::string> names_of(const LivePlan& plan) {
  std::vector<std::string> names;
  for (const LiveGuestPlan& guest : plan.guests) names.push_back(guest.name);
  return names;
}

const host::Discovery kThree{{machine(3, "web2"), machine(5, "db"), machine(9, "web1")}, {}};

TEST(RunningGuest, A_name_is_one_machine_and_a_pattern_all_that_match_by_name) {
  const auto one = with_machines(plan_of({wanted("db")}), kThree);
  ASSERT_TRUE(one) << error_line(one.error());
  EXPECT_THAT(names_of(*one), ElementsAre("db"));
  EXPECT_EQ(one->guests[0].found->pid, 5);
  EXPECT_THAT(names_of(*with_machines(plan_of({wanted("web*")}), kThree)),
              ElementsAre("web1", "web2"));
  EXPECT_THAT(names_of(*with_machines(plan_of({wanted("*")}), kThree)),
              ElementsAre("db", "web1", "web2"));
}

TEST(RunningGuest, Guests_that_brim_starts_stay_where_they_are_in_the_plan) {
  const auto plan =
      with_machines(plan_of({started("guest-1"), wanted("db"), started("x")}), kThree);
  ASSERT_TRUE(plan);
  EXPECT_THAT(names_of(*plan), ElementsAre("guest-1", "db", "x"));
  EXPECT_FALSE(plan->guests[0].found);
}

TEST(RunningGuest, A_machine_is_studied_once) {
  const auto rest = with_machines(plan_of({wanted("web1"), wanted("*")}), kThree);
  ASSERT_TRUE(rest);
  EXPECT_THAT(names_of(*rest), ElementsAre("web1", "db", "web2"));
  const auto twice = with_machines(plan_of({wanted("*"), wanted("web1")}), kThree);
  ASSERT_FALSE(twice);
  EXPECT_EQ(twice.error().code, ErrorCode::bad_input);
}

TEST(RunningGuest, Two_of_one_name_are_told_apart) {
  const host::Discovery two{{machine(3, "vm"), machine(4, "vm")}, {}};
  const auto plan = with_machines(plan_of({started("guest-1"), wanted("vm")}), two);
  ASSERT_TRUE(plan);
  EXPECT_THAT(names_of(*plan), ElementsAre("guest-1", "vm", "vm (4)"));
  const host::Discovery same{{machine(7, "guest-1")}, {}};
  EXPECT_THAT(names_of(*with_machines(plan_of({started("guest-1"), wanted("*")}), same)),
              ElementsAre("guest-1", "guest-1 (7)"));
}

TEST(RunningGuest, A_name_that_nobody_has_is_missing_and_the_nearest_is_named) {
  const auto none = with_machines(plan_of({wanted("web3")}), kThree);
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().code, ErrorCode::missing);
  EXPECT_THAT(none.error().what, HasSubstr("did you mean 'web"));
  EXPECT_THAT(with_machines(plan_of({wanted("*")}), {}).error().what, HasSubstr("no QEMU"));
}

TEST(RunningGuest, Machines_without_memory_are_left_out_and_that_is_noted) {
  host::Discovery found = kThree;
  found.machines[1].ram.clear();
  found.problems.push_back({ErrorCode::missing, "no guest RAM found", "VM db (pid 5)"});
  const auto plan = with_machines(plan_of({wanted("*")}), found);
  ASSERT_TRUE(plan);
  EXPECT_THAT(names_of(*plan), ElementsAre("web1", "web2"));
  EXPECT_THAT(plan->notes, ElementsAre(HasSubstr("Left out: VM db (pid 5): no guest RAM found")));
  const auto alone = with_machines(plan_of({wanted("db")}), found);
  ASSERT_FALSE(alone);
  EXPECT_THAT(alone.error().what, HasSubstr("no guest RAM found"));
}

TEST(RunningGuest, What_keeps_a_machine_from_merging_is_noted) {
  host::Discovery found = kThree;
  found.machines[1].merge_requested = false;
  found.machines[0].ram[0].shared = true;
  const auto plan = with_machines(plan_of({wanted("*")}), found);
  ASSERT_TRUE(plan);
  EXPECT_THAT(plan->notes, Contains(HasSubstr("mem-merge=off")));
  EXPECT_THAT(plan->notes, Contains(HasSubstr("share=on")));
}

TEST(RunningGuest, One_that_ended_and_whose_number_another_has_is_gone) {
  const auto host = host::Host::open("/");
  ASSERT_TRUE(host);
  LiveGuestPlan guest = wanted("vm");
  guest.found = machine(1, "vm");
  guest.found->start_ticks = 123'456'789'000;  // not init's
  const auto opened = open_running_guest(*host, guest, "");
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, ErrorCode::gone);
}

}  // namespace
}  // namespace brim::share::live
