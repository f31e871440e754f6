// SPDX-License-Identifier: Apache-2.0
#include "study/scenario.h"

#include "study/test_area.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace brim::study {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::SizeIs;
using namespace std::chrono_literals;  // NOLINT: literals
using test::kAreas;

constexpr char kCatalogue[] = R"(
[hardware.server]
area = "test"
summary = "A server"
source = "made up"
cores = 8
memory = "64GiB"
[guest.small]
area = "test"
summary = "A small guest"
source = "made up"
memory = "256MiB"
[load.busy]
area = "test"
summary = "Writes much"
source = "made up"
kind = "writer"
write_rate = 1
[mechanism.slow]
area = "test"
summary = "Scans slowly"
source = "made up"
policy = "fast"
rate = 10
)";

constexpr char kScenario[] = R"(area = "test"
summary = "Two sorts of guests"
[study]
repeats = 3
[schedule]
duration = "10min"
[hardware]
entry = "server"
cores = 4
[mechanism]
entry = "slow"
[[guests]]
entry = "small"
count = 2
load = "main"
[[guests]]
memory = "2GiB"
[loads.main]
entry = "busy"
[sweep.over]
"mechanism.rate" = [10, 20]
"loads.main.write_rate" = [0, 0.5, 1]
)";

Catalogue catalogue() {
  Catalogue catalogue;
  const auto file = parse_config(kCatalogue, "c.toml");
  EXPECT_TRUE(file);
  const auto added = catalogue.add(*file, kAreas);
  EXPECT_TRUE(added) << error_line(added.error());
  return catalogue;
}

Result<ScenarioFile> parse(std::string_view text) {
  return ScenarioFile::parse(text, "dir/two-sorts.toml", catalogue(), kAreas);
}

// The scenario with one text in place of another.
std::string refusal(std::string_view from, std::string_view to) {
  std::string text = kScenario;
  const std::size_t at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  text.replace(at, from.size(), to);
  const auto file = parse(text);
  return file ? "accepted" : error_line(file.error());
}

TEST(Scenario, Says_what_the_file_says_and_else_what_the_entries_say) {
  const auto file = parse(kScenario);
  ASSERT_TRUE(file) << error_line(file.error());
  const Scenario& scenario = file->base();
  EXPECT_EQ(scenario.name, "two-sorts");
  EXPECT_EQ(scenario.study.get<std::uint64_t>("repeats"), 3u);
  EXPECT_EQ(scenario.schedule.get<std::chrono::nanoseconds>("duration"), 600s);
  EXPECT_EQ(scenario.schedule.get<std::chrono::nanoseconds>("sample_interval"), 5s);
  EXPECT_EQ(scenario.hardware_entry, "server");
  EXPECT_EQ(scenario.hardware.get<std::uint64_t>("cores"), 4u) << "the file's own word";
  EXPECT_EQ(scenario.hardware.get<Bytes>("memory"), gibibytes(64)) << "the entry's";
  EXPECT_EQ(scenario.mechanism.family, "fast");
  EXPECT_EQ(scenario.mechanism.entry, "slow");
  EXPECT_EQ(scenario.mechanism.settings.get<double>("rate"), 10);
  ASSERT_THAT(scenario.guests, SizeIs(2));
  EXPECT_EQ(scenario.guests[0].count, 2u);
  EXPECT_EQ(scenario.guests[0].settings.get<Bytes>("memory"), mebibytes(256));
  EXPECT_EQ(scenario.guests[1].settings.get<Bytes>("memory"), gibibytes(2));
  EXPECT_EQ(scenario.find_load("main")->settings.get<double>("write_rate"), 1);
  EXPECT_EQ(scenario.find_load("other"), nullptr);
}

TEST(Scenario, A_cartesian_sweep_has_every_combination_the_last_path_fastest) {
  const auto file = parse(kScenario);
  ASSERT_TRUE(file);
  ASSERT_THAT(file->points(), SizeIs(6));
  EXPECT_EQ(file->points()[0].label(), "mechanism.rate=10, loads.main.write_rate=0");
  EXPECT_EQ(file->points()[1].label(), "mechanism.rate=10, loads.main.write_rate=0.5");
  EXPECT_EQ(file->points()[5].label(), "mechanism.rate=20, loads.main.write_rate=1");
  const Scenario& last = file->at(file->points()[4]);
  EXPECT_EQ(last.mechanism.settings.get<double>("rate"), 20);
  EXPECT_EQ(last.find_load("main")->settings.get<double>("write_rate"), 0.5);
}

TEST(Scenario, A_table_in_a_sweep_varies_its_keys_together_and_leaves_the_others) {
  std::string text = kScenario;
  text.replace(text.find("\"mechanism.rate\" = [10, 20]"), 27,
               "mechanism = [{ entry = \"slow\" }, { entry = \"slow\", rate = 7 }, {}]");
  const auto file = parse(text);
  ASSERT_TRUE(file) << error_line(file.error());
  ASSERT_THAT(file->points(), SizeIs(9));
  EXPECT_EQ(file->points()[3].label(),
            "mechanism.entry=slow, mechanism.rate=7, loads.main.write_rate=0");
  EXPECT_EQ(file->at(file->points()[0]).mechanism.entry, "slow");
  EXPECT_EQ(file->at(file->points()[3]).mechanism.settings.get<double>("rate"), 7);
  EXPECT_EQ(file->points()[6].label(), "loads.main.write_rate=0");
  EXPECT_EQ(file->at(file->points()[6]).mechanism.settings.get<double>("rate"),
            file->base().mechanism.settings.get<double>("rate"));
}

TEST(Scenario, One_at_a_time_starts_with_the_scenario_as_it_stands) {
  std::string text = kScenario;
  text.replace(text.find("[sweep.over]"), 12, "[sweep]\nhow = \"one_at_a_time\"\n[sweep.over]");
  const auto file = parse(text);
  ASSERT_TRUE(file) << error_line(file.error());
  std::vector<std::string> labels;
  for (const Point& point : file->points()) labels.push_back(point.label());
  EXPECT_THAT(labels,
              ElementsAre("", "mechanism.rate=10", "mechanism.rate=20", "loads.main.write_rate=0",
                          "loads.main.write_rate=0.5", "loads.main.write_rate=1"));
}

TEST(Scenario, Without_a_sweep_there_is_one_point) {
  const auto file = parse(
      std::string_view(kScenario).substr(0, std::string_view(kScenario).find("[sweep.over]")));
  ASSERT_TRUE(file);
  ASSERT_THAT(file->points(), SizeIs(1));
  EXPECT_EQ(file->points()[0].label(), "");
}

TEST(Scenario, What_is_wrong_is_told_with_file_line_key_and_the_nearest_known) {
  EXPECT_EQ(refusal("[mechanism]\n", "[mechanizm]\n"),
            "dir/two-sorts.toml:10: 'mechanizm' is not a key here; did you mean 'mechanism'?");
  EXPECT_EQ(refusal("\"slow\"", "\"slwo\""),
            "dir/two-sorts.toml:11: no mechanism 'slwo' in the catalogue; did you mean 'slow'?");
  EXPECT_EQ(refusal("entry = \"slow\"", "policy = \"fsat\""),
            "dir/two-sorts.toml:11: no 'fsat' here; did you mean 'fast'?");
  EXPECT_THAT(refusal("entry = \"slow\"", "entry = \"slow\"\npolicy = \"none\""),
              HasSubstr("mechanism 'slow' has policy = \"fast\""));
  EXPECT_THAT(refusal("repeats = 3", "repeats = \"3\""), HasSubstr("toml:4: repeats: expected"));
  EXPECT_THAT(refusal("load = \"main\"", "load = \"mian\""), HasSubstr("did you mean 'main'?"));
  EXPECT_THAT(refusal("area = \"test\"", "area = \"tset\""), HasSubstr("toml:1: no area 'tset'"));
  EXPECT_THAT(refusal("[[guests]]\nentry = \"small\"\ncount = 2", "[guests]\ncount = 2"),
              HasSubstr("toml:"));
}

TEST(Scenario, A_text_that_must_be_there_may_be_neither_left_out_nor_empty) {
  for (const char* const without : {"kind = \"program\"", "kind = \"program\"\ncommand = \" \""})
    EXPECT_THAT(refusal("entry = \"busy\"", without), HasSubstr("command: expected a text"))
        << without;
  const auto file = parse(
      "area = \"test\"\n[mechanism]\npolicy = \"none\"\n[[guests]]\n"
      "[loads.main]\nkind = \"program\"\ncommand = \"true\"\n");
  ASSERT_TRUE(file) << error_line(file.error());
  EXPECT_EQ(file->base().find_load("main")->settings.get<std::string>("unit"), "")
      << "others may be empty";
}

TEST(Scenario, A_sweep_is_checked_like_what_it_varies) {
  EXPECT_EQ(refusal("\"mechanism.rate\"", "\"mechanism.rte\""),
            "dir/two-sorts.toml:21: 'rte' is not a key here; did you mean 'rate'?");
  EXPECT_THAT(refusal("[0, 0.5, 1]", "[0, 0.5, 2]"), HasSubstr("toml:22: write_rate: 2 is not"));
  EXPECT_THAT(refusal("\"mechanism.rate\" = [10, 20]", "\"guests.7.count\" = [1]"),
              HasSubstr("guests.7.count leads nowhere"));
  EXPECT_THAT(refusal("[10, 20]", "10"), HasSubstr("expected a list"));
}

TEST(Catalogue, An_entry_without_source_or_with_a_wrong_value_is_refused) {
  const auto refused = [](const std::string& text) {
    Catalogue made;
    const auto file = parse_config(text, "c.toml");
    const auto added = made.add(*file, kAreas);
    return added ? "accepted" : error_line(added.error());
  };
  const std::string head = "[hardware.a]\narea = \"test\"\nsummary = \"s\"\n";
  EXPECT_EQ(refused(head), "c.toml:1: a has no source");
  EXPECT_EQ(refused(head + "source = \"x\"\n"), "accepted");
  EXPECT_THAT(refused(head + "source = \"x\"\ncores = 0\n"), HasSubstr("c.toml:5: cores: 0"));
  EXPECT_THAT(refused("[hardwear.a]\n"), HasSubstr("did you mean 'hardware'?"));
  EXPECT_THAT(refused("[load.a]\narea = \"test\"\nsummary = \"s\"\nsource = \"x\"\n"),
              HasSubstr("there are: idle, program, writer"));
}

TEST(ScenarioDigest, It_is_of_all_that_is_said_and_of_nothing_else) {
  const Catalogue none;
  const auto digest = [&](const std::string& text) {
    const auto file = ScenarioFile::parse(text, "s.toml", none, kAreas);
    EXPECT_TRUE(file.has_value());
    return digest_of(*file);
  };
  const std::string text = "area = \"test\"\n[mechanism]\npolicy = \"fast\"\n[[guests]]\n";
  EXPECT_EQ(digest(text), digest("# a comment\n" + text));
  EXPECT_EQ(digest(text), digest(text + "memory = \"1024MiB\"\n"));  // as it is without
  for (const char* more :
       {"memory = \"2GiB\"\n", "count = 2\n", "[hardware]\ncores = 3\n", "[study]\nseed = 2\n",
        "[sweep.over]\n\"mechanism.rate\" = [1, 2]\n", "[loads.idle]\nkind = \"idle\"\n"})
    EXPECT_NE(digest(text), digest(text + more)) << more;
}

}  // namespace
}  // namespace brim::study
