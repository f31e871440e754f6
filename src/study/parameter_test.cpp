// SPDX-License-Identifier: Apache-2.0
#include "study/parameter.h"

#include <array>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace brim::study {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;
using namespace std::chrono_literals;  // NOLINT: literals

constexpr std::array kParameters = std::to_array<Parameter>({
    {"merge", ParameterType::boolean, "", "true", "Whether pages are merged."},
    {"pages_to_scan", ParameterType::count, "pages", "100", "A batch.", {}, 1, 1e6},
    {"frequency", ParameterType::number, "GHz", "2.5", "Of a core."},
    {"write_rate", ParameterType::fraction, "", "0", "Share of pages written."},
    {"memory", ParameterType::size, "", "2GiB", "Of a guest."},
    {"sleep", ParameterType::duration, "", "20ms", "Between batches."},
    {"image", ParameterType::text, "", "", "A file."},
    {"advisor", ParameterType::choice, "", "none", "The kernel's.", "none,scan-time"},
});

Result<Settings> read(std::string_view text) {
  Settings settings(kParameters);
  const auto node = parse_config(text, "p.toml");
  if (!node) return fail(node.error());
  BRIM_CHECK(settings.read(*node));
  return settings;
}

std::string refusal(std::string_view text) {
  const auto settings = read(text);
  return settings ? "accepted" : error_line(settings.error());
}

TEST(Parameters, Have_their_defaults_where_nothing_is_said) {
  const Settings settings(kParameters);
  EXPECT_TRUE(settings.get<bool>("merge"));
  EXPECT_EQ(settings.get<std::uint64_t>("pages_to_scan"), 100u);
  EXPECT_EQ(settings.get<double>("frequency"), 2.5);
  EXPECT_EQ(settings.get<Bytes>("memory"), gibibytes(2));
  EXPECT_EQ(settings.get<std::chrono::nanoseconds>("sleep"), 20ms);
  EXPECT_EQ(settings.get<std::string>("advisor"), "none");
  EXPECT_TRUE(settings.has("sleep"));
  EXPECT_FALSE(settings.has("sleepy"));
}

TEST(Parameters, Are_read_in_every_form_their_type_has) {
  const auto settings = read(
      "merge = false\npages_to_scan = 2000\nfrequency = 3\nwrite_rate = \"3.125%\"\n"
      "memory = \"512MiB\"\nsleep = \"1.5s\"\nimage = \"a.raw\"\nadvisor = \"scan-time\"\n");
  ASSERT_TRUE(settings) << error_line(settings.error());
  EXPECT_FALSE(settings->get<bool>("merge"));
  EXPECT_EQ(settings->get<std::uint64_t>("pages_to_scan"), 2000u);
  EXPECT_EQ(settings->get<double>("frequency"), 3);
  EXPECT_EQ(settings->get<double>("write_rate"), 1.0 / 32);
  EXPECT_EQ(settings->get<Bytes>("memory"), mebibytes(512));
  EXPECT_EQ(settings->get<std::chrono::nanoseconds>("sleep"), 1500ms);
  EXPECT_EQ(words(settings->at("memory")), "512.0 MiB");
  EXPECT_EQ(words(settings->at("sleep")), "1.5s");
}

TEST(Parameters, What_is_wrong_is_told_with_its_line_and_what_would_be_right) {
  EXPECT_EQ(refusal("\npages_to_scn = 5\n"),
            "p.toml:2: 'pages_to_scn' is not a key here; did you mean 'pages_to_scan'?");
  EXPECT_THAT(refusal("x = 5\n"), HasSubstr("keys are: merge, pages_to_scan"));
  EXPECT_EQ(refusal("pages_to_scan = 0\n"),
            "p.toml:1: pages_to_scan: 0 is not within 1 to 1000000");
  EXPECT_THAT(refusal("pages_to_scan = 2.5\n"), HasSubstr("expected a whole number (pages)"));
  EXPECT_THAT(refusal("pages_to_scan = \"5\"\n"), HasSubstr("whole number (pages), not a text"));
  EXPECT_THAT(refusal("write_rate = 1.5\n"), HasSubstr("1.5 is not within 0 to 1"));
  EXPECT_THAT(refusal("write_rate = nan\n"), HasSubstr("is not within 0 to 1"));
  EXPECT_THAT(refusal("frequency = -1\n"), HasSubstr("-1 is less than 0"));
  EXPECT_THAT(refusal("memory = 2048\n"), HasSubstr("a size such as \"2GiB\", not a whole number"));
  EXPECT_THAT(refusal("memory = \"2GB\"\n"), HasSubstr("'2GB' is not a size"));
  EXPECT_THAT(refusal("sleep = \"20\"\n"), HasSubstr("not a duration"));
  EXPECT_THAT(refusal("merge = \"yes\"\n"), HasSubstr("expected true or false, not a text"));
  EXPECT_EQ(refusal("advisor = \"scantime\"\n"),
            "p.toml:1: advisor: \"scantime\" is not one of none,scan-time; did you mean "
            "\"scan-time\"?");
  EXPECT_THAT(refusal("image = [1]\n"), StartsWith("p.toml:1: image: expected a text, not a list"));
}

}  // namespace
}  // namespace brim::study
