// SPDX-License-Identifier: Apache-2.0
#include "share/live/live_plan.h"

#include "share/model/share_area.h"
#include "study/built_in.h"

#include <array>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace brim::share::live {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using namespace std::chrono_literals;  // NOLINT: literals

constexpr std::string_view kStudy = R"(
area = "share"
[schedule]
warm_up = "10min"
duration = "30min"
sample_interval = "60s"
[hardware]
memory = "16GiB"
own_memory = "512MiB"
[mechanism]
policy = "ksm"
pages_to_scan = 1600
sleep = "15ms"
[loads.writer]
kind = "synthetic"
size = "1GiB"
write_rate = 0.03125
positions = "windows_program"
contents = "distinct_per_guest"
[[guests]]
memory = "2GiB"
count = 2
load = "writer"
[[guests]]
kind = "process"
load = "writer"
)";

Result<LivePlan> plan_of(const std::vector<std::string>& sets) {
  const std::array<const study::Area*, 1> areas{&model::share_area()};
  std::vector<study::Override> overrides;
  for (const std::string& set : sets) overrides.push_back(*study::parse_override(set));
  const auto file =
      study::ScenarioFile::parse(kStudy, "study.toml", study::Catalogue(), areas, overrides);
  EXPECT_TRUE(file) << error_line(file.error());
  return plan_live(file->base());
}

TEST(LivePlan, Guests_get_what_the_scenario_says) {
  const auto plan = plan_of({});
  ASSERT_TRUE(plan) << error_line(plan.error());
  ASSERT_EQ(plan->guests.size(), 3U);
  EXPECT_EQ(plan->guests[0].kind, GuestKind::qemu);
  EXPECT_EQ(plan->guests[2].kind, GuestKind::process);
  EXPECT_EQ(plan->guests[1].name, "guest-2");
  EXPECT_EQ(plan->guests[0].memory, mebibytes(2048));
  const lab::Load& load = *plan->guests[1].load;
  EXPECT_EQ(load.bytes, mebibytes(1024));
  EXPECT_EQ(load.write_rate.numerator * 32, load.write_rate.denominator);
  EXPECT_EQ(load.writes, lab::LoadWrites::windows_program);
  EXPECT_EQ(load.content, lab::LoadContent::per_machine);
  EXPECT_NE(load.machine, plan->guests[0].load->machine);
  EXPECT_EQ(plan->ksm.pages_to_scan, 1600U);
  EXPECT_EQ(plan->ksm.sleep, 15ms);
  EXPECT_EQ(plan->warm_up, 10min);
}

TEST(LivePlan, Scale_shrinks_memory_and_batches_and_speed_shortens_times) {
  const auto plan = plan_of({"study.scale=0.125", "live.speed=4", "mechanism.tuner=ksmtuned"});
  ASSERT_TRUE(plan) << error_line(plan.error());
  EXPECT_EQ(plan->guests[0].memory, mebibytes(256));
  EXPECT_EQ(plan->guests[0].load->bytes, mebibytes(128));
  EXPECT_EQ(plan->guests[0].load->pause, 2500ms);
  EXPECT_EQ(plan->ksm.pages_to_scan, 1600U / 8 * 4);
  EXPECT_EQ(plan->warm_up, 150s);
  EXPECT_EQ(plan->sample_interval, 15s);
  EXPECT_EQ(plan->ksm.tuned_host, mebibytes(2048));
  EXPECT_EQ(plan->ksm.tuned_own, mebibytes(64));
  EXPECT_EQ(plan->ksm.ksmtuned->monitor_interval, 15s);
  EXPECT_EQ(plan->ksm.ksmtuned->pages_boost, 150U);
  EXPECT_THAT(plan->notes, Contains(HasSubstr("4 times as fast")));
  EXPECT_THAT(plan->notes, Contains(HasSubstr("0.125")));
}

TEST(LivePlan, What_no_linux_host_can_do_is_refused) {
  EXPECT_THAT(plan_of({"mechanism={policy='tps'}"}).error().what, HasSubstr("tps"));
  EXPECT_THAT(plan_of({"guests.0.memory=64MiB"}).error().what, HasSubstr("96 MiB"));
  EXPECT_THAT(plan_of({"guests.0.memory=1050MiB"}).error().what, HasSubstr("guest-1"));
  EXPECT_THAT(plan_of({"schedule.sample_interval=0s"}).error().where, HasSubstr("sample_interval"));
  EXPECT_FALSE(plan_of({"guests.0.memory=1120MiB"})) << "its system wants 103 MiB";
  EXPECT_TRUE(plan_of({"guests.0.memory=1128MiB"}));
}

TEST(LivePlan, The_kernels_advisor_gets_its_settings) {
  const auto plan = plan_of({"mechanism.tuner=advisor", "mechanism.advisor_target_scan_time=80s",
                             "live.speed=4", "mechanism.advisor_max_cpu=30"});
  ASSERT_TRUE(plan) << error_line(plan.error());
  EXPECT_EQ(plan->ksm.advisor->target_scan_time, 20s);
  EXPECT_EQ(plan->ksm.advisor->max_cpu, 30U);
  EXPECT_EQ(plan->ksm.advisor->min_pages_to_scan, 2000U);
  EXPECT_FALSE(plan->ksm.tuned_by_brim);
}

TEST(LivePlan, Under_brims_tuner_no_other_rule_moves_the_knobs_and_the_notes_say_what_it_sees) {
  const auto plan = plan_of({"mechanism.tuner=brim", "live.speed=4"});
  ASSERT_TRUE(plan) << error_line(plan.error());
  EXPECT_TRUE(plan->ksm.tuned_by_brim);
  EXPECT_FALSE(plan->ksm.ksmtuned.has_value());
  EXPECT_FALSE(plan->ksm.advisor.has_value());
  EXPECT_THAT(plan->notes, Contains(HasSubstr("study's guests alone")));
}

TEST(LivePlan, Programs_run_in_machines_that_have_the_memory) {
  const std::vector<std::string> database = {"loads.writer={kind='mariadb',clients=4}",
                                             "guests=[{memory='256MiB',load='writer'}]"};
  const auto plan = plan_of(database);
  ASSERT_TRUE(plan) << error_line(plan.error());
  EXPECT_EQ(lab::format_load(*plan->guests[0].load).substr(0, 17), "mariadb,clients=4");
  EXPECT_THAT(plan_of({database[0], "guests=[{memory='128MiB',load='writer'}]"}).error().what,
              HasSubstr("128 MiB"));
  EXPECT_THAT(plan_of({database[0], "guests=[{kind='process',load='writer'}]"}).error().what,
              HasSubstr("process"));
}

TEST(LivePlan, Without_a_mechanism_ksm_stands_still) {
  const auto plan = plan_of({"mechanism={policy='none'}"});
  ASSERT_TRUE(plan);
  EXPECT_FALSE(plan->ksm.run);
}

TEST(LivePlan, A_guest_may_take_its_memory_and_what_its_emulator_needs) {
  LiveGuestPlan guest;
  guest.memory = mebibytes(128);
  EXPECT_GT(host_memory_limit(guest), mebibytes(128 + 100));
  guest.kind = GuestKind::process;
  EXPECT_LT(host_memory_limit(guest), mebibytes(64)) << "an idle process";
}

constexpr char kRunning[] = "guests=[{kind='running',machine='web*'},{kind='process'}]";

TEST(LivePlan, Machines_that_run_already_are_named_and_take_nothing_more) {
  const auto plan = plan_of({kRunning});
  ASSERT_TRUE(plan) << error_line(plan.error());
  ASSERT_EQ(plan->guests.size(), 2U);
  EXPECT_EQ(plan->guests[0].kind, GuestKind::running);
  EXPECT_EQ(plan->guests[0].machine, "web*");
  EXPECT_FALSE(plan->guests[0].load || plan->guests[0].found || plan->guests[0].pause);
  EXPECT_EQ(host_memory_limit(plan->guests[0]).count(), 0U);
  EXPECT_EQ(plan->guests[1].name, "guest-2");
  EXPECT_TRUE(starts_guests(*plan));
  EXPECT_THAT(plan->notes, Contains(HasSubstr("web*: ran before and goes on after")));
  EXPECT_FALSE(starts_guests(*plan_of({"guests=[{kind='running',machine='*'}]"})));
  EXPECT_TRUE(plan_of({kRunning, "live.pause_running=true"})->guests[0].pause);
}

TEST(LivePlan, What_runs_already_gets_no_load_no_count_no_size_and_no_speed) {
  const auto where = [](const std::vector<std::string>& sets) {
    const auto plan = plan_of(sets);
    return plan ? "" : plan.error().where;
  };
  EXPECT_EQ(where({"guests=[{kind='running',machine='a',load='writer'}]"}), "guests.0.load");
  EXPECT_EQ(where({"guests=[{kind='process'},{kind='running',machine='a',count=2}]"}),
            "guests.1.count");
  EXPECT_EQ(where({"guests=[{kind='running'}]"}), "guests.0.machine");
  EXPECT_EQ(where({"guests=[{machine='web1'}]"}), "guests.0.machine") << "of kind qemu";
  EXPECT_EQ(where({kRunning, "study.scale=0.5"}), "study.scale");
  EXPECT_EQ(where({kRunning, "live.speed=2"}), "live.speed");
}

TEST(LivePlan, Ksm_can_be_left_as_it_is_where_the_scenario_sets_nothing_of_it) {
  const auto plan = plan_of({"mechanism={policy='ksm'}", "live.ksm=as_is"});
  ASSERT_TRUE(plan) << error_line(plan.error());
  EXPECT_TRUE(plan->ksm.as_is);
  EXPECT_FALSE(plan->ksm.run);
  EXPECT_EQ(plan_of({"live.ksm=as_is"}).error().where, "mechanism.pages_to_scan");
  EXPECT_EQ(plan_of({"mechanism={policy='ksm',tuner='advisor'}", "live.ksm=as_is"}).error().where,
            "mechanism.tuner");
  EXPECT_TRUE(plan_of({"mechanism={policy='ksm',overhead_per_guest='9MiB'}", "live.ksm=as_is"}));
  EXPECT_THAT(plan_of({"mechanism={policy='none'}", "live.ksm=as_is"}).error().what,
              HasSubstr("none"));
  EXPECT_EQ(plan_of({"mechanism={policy='ksm'}", "live.ksm=as_is", "live.speed=2"}).error().where,
            "live.speed");
}

}  // namespace
}  // namespace brim::share::live
