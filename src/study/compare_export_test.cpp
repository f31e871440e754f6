// SPDX-License-Identifier: Apache-2.0
// What is made of runs: comparisons, exports, lists; each JSON held against its schema.
#include "base/json_text.h"
#include "study/compare.h"
#include "study/export.h"
#include "study/runs_document.h"
#include "study/store_test_place.h"

#include <cmath>
#include <cstdlib>
#include <fstream>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

namespace brim::study {
namespace {

using nlohmann::json;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

void put(study::Run& run, const std::string& metric, const std::vector<double>& values,
         const std::string& subject = {}, std::uint32_t point = 0) {
  for (const double value : values) {
    Sample sample;
    sample.metric = metric;
    sample.subject = subject;
    sample.point = point;
    sample.repeat = static_cast<std::uint32_t>(run.samples.size());
    sample.value = value;
    run.samples.push_back(sample);
  }
}

study::Run run_numbered(std::int64_t id) {
  study::Run run;
  run.info.id = id;
  run.info.area = "share";
  run.info.command = "share scan";
  run.info.status = RunStatus::complete;
  run.info.context_json = R"({"kernel":"6.18","processors":2})";
  return run;
}

TEST(Compare, Tells_higher_lower_none_and_too_few_apart) {
  study::Run a = run_numbered(1);
  study::Run b = run_numbered(2);
  put(a, "share.pss_bytes", {10, 11, 12, 10.5, 11.5});
  put(b, "share.pss_bytes", {5, 6, 7, 5.5, 6.5});
  put(a, "share.saved_pages", {1, 2, 3, 4, 5});
  put(b, "share.saved_pages", {11, 12, 13, 14, 15});
  put(a, "share.used_pages", {1, 5, 2, 4, 3});
  put(b, "share.used_pages", {3, 1, 4, 2, 6});
  put(a, "share.zero_pages", {7});
  put(b, "share.zero_pages", {9, 9, 9, 9, 9, 9, 9, 9});
  const auto rows = compare(a, b, true);
  ASSERT_EQ(rows.size(), 4U);
  EXPECT_EQ(rows[0].metric, "share.pss_bytes");
  EXPECT_EQ(rows[0].verdict, Verdict::lower);
  EXPECT_DOUBLE_EQ(rows[0].difference, -5);
  EXPECT_NEAR(*rows[0].difference_percent, -500.0 / 11, 1e-9);
  EXPECT_NEAR(rows[0].rank_test->p_value, 2.0 / 252, 1e-12);
  EXPECT_EQ(rows[1].verdict, Verdict::higher);
  EXPECT_EQ(rows[2].verdict, Verdict::no_difference_seen);
  EXPECT_EQ(rows[3].verdict, Verdict::too_few);
  EXPECT_EQ(rows[3].difference, 2);
  EXPECT_FALSE(rows[3].interval);
}

// Three against three can't reach p < 0.05: that is not "no difference seen".
TEST(Compare, Says_too_few_where_no_values_could_be_told_apart) {
  study::Run a = run_numbered(1);
  study::Run b = run_numbered(2);
  put(a, "share.used_pages", {1, 2, 3});
  put(b, "share.used_pages", {1001, 1002, 1003});
  put(a, "share.zero_pages", {5, 5, 5, 5});
  put(b, "share.zero_pages", {7, 7, 7, 7});
  const auto rows = compare(a, b, true);
  EXPECT_EQ(rows[0].verdict, Verdict::too_few);
  EXPECT_TRUE(rows[0].interval);
  EXPECT_EQ(rows[1].verdict, Verdict::higher);
}

TEST(Compare, Run_with_itself_shows_no_difference) {
  study::Run a = run_numbered(1);
  put(a, "share.used_pages", {3, 1, 4, 1, 5, 9, 2, 6});
  put(a, "share.zero_pages", std::vector<double>(8, 42));
  for (const MetricComparison& row : compare(a, a, false)) {
    EXPECT_EQ(row.verdict, Verdict::no_difference_seen);
    EXPECT_EQ(row.difference, 0);
    EXPECT_EQ(row.rank_test->p_value, 1);
  }
}

TEST(Compare, Never_pools_subjects_or_sweep_points) {
  study::Run a = run_numbered(1);
  study::Run b = run_numbered(2);
  for (study::Run* run : {&a, &b}) {
    put(*run, "share.used_pages", {1, 2}, "vm1");
    put(*run, "share.used_pages", {3}, "", 1);
    put(*run, "share.used_pages", {4, 5, 6}, "", 0);
  }
  put(a, "share.zero_pages", {1}, "only in a");
  const auto all = compare(a, b, false);
  ASSERT_EQ(all.size(), 3U);
  EXPECT_EQ(all[0].a.n, 3U);
  EXPECT_EQ(all[1].point, 1U);
  EXPECT_EQ(all[2].subject, "vm1");
  EXPECT_EQ(compare(a, b, true).size(), 2U);
}

TEST(Compare, Percentage_is_left_out_against_zero_and_keeps_its_sign_below) {
  study::Run a = run_numbered(1);
  study::Run b = run_numbered(2);
  put(a, "share.churn_pages", {0});
  put(b, "share.churn_pages", {5});
  put(a, "share.efficiency_percent", {-10});
  put(b, "share.efficiency_percent", {-5});
  const auto rows = compare(a, b, true);
  EXPECT_FALSE(rows[0].difference_percent);
  EXPECT_DOUBLE_EQ(*rows[1].difference_percent, 50);
}

TEST(CompareDocument, Says_plainly_that_no_difference_was_seen) {
  study::Run a = run_numbered(1);
  put(a, "share.used_pages", {3, 1, 4, 1, 5, 9, 2, 6});
  const auto document = comparison_document(a, a, true);
  EXPECT_EQ(document.answer.front(), "No difference seen.");
  EXPECT_THAT(document.warnings, IsEmpty());
}

TEST(CompareDocument, Tells_what_differs_and_whether_that_is_better) {
  study::Run a = run_numbered(1);
  study::Run b = run_numbered(2);
  b.info.context_json = R"({"kernel":"6.1","processors":2})";
  put(a, "share.pss_bytes", {10, 11, 12, 10.5, 11.5});
  put(b, "share.pss_bytes", {5, 6, 7, 5.5, 6.5});
  put(b, "share.used_pages", {5});
  const auto document = comparison_document(a, b, true);
  EXPECT_THAT(document.answer,
              Contains(HasSubstr("share.pss_bytes is lower: 11 -> 6 (-45.5 %), better")));
  EXPECT_THAT(document.warnings, Contains(HasSubstr("contexts differ in: kernel")));
  EXPECT_THAT(document.warnings, Contains(HasSubstr("only in run b: share.used_pages")));
  const auto& table = document.sections.front().tables.front();
  ASSERT_EQ(table.rows.size(), 1U);
  EXPECT_EQ(table.rows[0].size(), table.columns.size());
}

TEST(CompareDocument, Warns_of_a_run_that_did_not_come_to_its_end) {
  study::Run a = run_numbered(1);
  study::Run b = run_numbered(2);
  put(a, "share.used_pages", {1});
  put(b, "share.used_pages", {1});
  a.info.status = RunStatus::partial;
  b.info.status = RunStatus::interrupted;
  const auto warnings = comparison_document(a, b, true).warnings;
  EXPECT_THAT(warnings, Contains(HasSubstr("Run a is partial")));
  EXPECT_THAT(warnings, Contains(HasSubstr("Run b was interrupted")));
  b.info.status = RunStatus::failed;
  EXPECT_THAT(comparison_document(a, b, true).warnings, Contains(HasSubstr("Run b failed")));
}

TEST(CompareDocument, Contexts_differ_by_what_lasts_whichever_run_has_it) {
  study::Run a = run_numbered(1);
  study::Run b = run_numbered(2);
  a.info.context_json = R"({"kernel":"6.18","load1":0.5,"boot_id":"x"})";
  b.info.context_json = R"({"kernel":"6.18","load1":2.5,"boot_id":"y"})";
  EXPECT_THAT(comparison_document(a, b, true).warnings, Not(Contains(HasSubstr("contexts"))));
  b.info.context_json = R"({"kernel":"6.18","thp":"always"})";
  EXPECT_THAT(comparison_document(a, b, true).warnings,
              Contains("The hosts' contexts differ in: thp."));
}

TEST(CompareDocument, Subjects_of_one_run_only_are_named_where_subjects_are_compared) {
  study::Run a = run_numbered(1);
  study::Run b = run_numbered(2);
  put(a, "share.used_pages", {1}, "web1");
  put(b, "share.used_pages", {1}, "web1");
  put(b, "share.used_pages", {1}, "web2");
  const auto document = comparison_document(a, b, false);
  EXPECT_THAT(document.warnings, Contains("1 subjects only in run b: web2"));
  EXPECT_EQ(document.json["subjects_only_in_b"], json::array({"web2"}));
  EXPECT_EQ(document.json["subjects_only_in_a"], json::array());
  EXPECT_THAT(comparison_document(a, b, true).warnings, IsEmpty());
}

TEST(CompareDocument, Without_common_metrics_says_so) {
  const study::Run a = run_numbered(1);
  EXPECT_THAT(comparison_document(a, a, true).answer,
              ElementsAre(HasSubstr("no metric in common")));
}

study::Run run_to_export() {
  study::Run run = run_numbered(3);
  run.info.arguments = "share scan --label \"x\"";
  put(run, "share.zero_pages", {0.1, 524288}, "vm, \"one\"\nx");
  put(run, "share.scan_seconds", {1.25});
  run.samples[0].low = 1e-7;
  run.samples[1].high = 1e300;
  run.result_json = R"({"host":{"kernel":"6.18"},"partial":false,)"
                    R"("second_look":{"first_look_seconds":3,"changing_pages":4}})";
  return run;
}

TEST(Export, Csv_is_that_of_RFC_4180_and_round_trips) {
  EXPECT_EQ(export_run(run_to_export(), ExportFormat::csv, false),
            "run,metric,unit,subject,point,repeat,t_seconds,value,low,high\r\n"
            "3,share.zero_pages,pages,\"vm, \"\"one\"\"\nx\",0,0,0,0.1,1e-07,\r\n"
            "3,share.zero_pages,pages,\"vm, \"\"one\"\"\nx\",0,1,0,524288,,1e+300\r\n"
            "3,share.scan_seconds,s,,0,2,0,1.25,,\r\n");
}

TEST(Export, Json_holds_run_samples_and_result) {
  const json out = parse_json(export_run(run_to_export(), ExportFormat::json, false)).value();
  EXPECT_EQ(out["run"]["id"], 3);
  EXPECT_EQ(out["run"]["context"]["kernel"], "6.18");
  ASSERT_EQ(out["samples"].size(), 3U);
  EXPECT_EQ(out["samples"][0]["value"].get<double>(), 0.1);
  EXPECT_EQ(out["samples"][0]["high"], nullptr);
  EXPECT_EQ(out["samples"][1]["value"], 524288);
  EXPECT_EQ(out["result"]["host"]["kernel"], "6.18");
}

TEST(Export, Canonical_is_the_same_whenever_wherever_and_in_whatever_order) {
  const study::Run one = run_to_export();
  study::Run other = one;
  other.info.id = 77;
  other.info.started += std::chrono::hours(5);
  other.info.finished = other.info.started;
  other.info.label = "again";
  other.info.arguments += " --threads 8";
  other.info.version = "9";
  other.info.owner = {"elsewhere", "b", 5, 6};
  other.info.context_json = R"({"kernel":"5.10"})";
  other.samples[2].value = 99;  // the time it took
  std::swap(other.samples[0], other.samples[2]);
  other.result_json = R"({"second_look":{"changing_pages":4,"first_look_seconds":9},)"
                      R"("partial":false,"host":{"kernel":"5.10"}})";
  for (const ExportFormat format : {ExportFormat::csv, ExportFormat::json}) {
    EXPECT_EQ(export_run(one, format, true), export_run(other, format, true));
    EXPECT_NE(export_run(one, format, false), export_run(other, format, false));
    study::Run changed = one;
    changed.samples[0].value = std::nextafter(0.1, 1.0);
    EXPECT_NE(export_run(one, format, true), export_run(changed, format, true));
  }
  EXPECT_THAT(export_run(one, ExportFormat::json, true), HasSubstr("changing_pages"));
  EXPECT_THAT(export_run(one, ExportFormat::json, true), Not(HasSubstr("first_look_seconds")));
}

TEST(Export, Canonical_leaves_out_when_a_sample_was_measured_but_keeps_a_models_clock) {
  study::Run one = run_numbered(3);
  put(one, "share.used_pages", {5, 7});
  one.samples[1].t_seconds = 1.02;
  one.result_json = R"({"looks":[{"t_seconds":1.02}]})";
  study::Run other = one;
  other.samples[1].t_seconds = 0.99;
  other.result_json = R"({"looks":[{"t_seconds":0.99}]})";
  for (const ExportFormat format : {ExportFormat::csv, ExportFormat::json})
    EXPECT_EQ(export_run(one, format, true), export_run(other, format, true));
  EXPECT_EQ(export_run(one, ExportFormat::csv, true),
            "metric,unit,subject,point,repeat,value,low,high\r\n"
            "share.used_pages,pages,,0,0,5,,\r\n"
            "share.used_pages,pages,,0,1,7,,\r\n");
  one.info.provenance = other.info.provenance = Provenance::modelled;
  for (const ExportFormat format : {ExportFormat::csv, ExportFormat::json})
    EXPECT_NE(export_run(one, format, true), export_run(other, format, true));
}

TEST(Export, Names_can_not_steer_a_terminal) {
  study::Run run = run_numbered(3);
  put(run, "share.used_pages", {5}, "vm\x1b[31m\u009b");
  for (const ExportFormat format : {ExportFormat::csv, ExportFormat::json}) {
    const std::string text = export_run(run, format, false);
    EXPECT_THAT(text, Not(HasSubstr("\x1b")));
    EXPECT_THAT(text, Not(HasSubstr("\u009b")));
  }
}

TEST(Export, Survives_a_run_without_result_and_broken_text) {
  study::Run run = run_numbered(1);
  put(run, "share.used_pages", {1}, "vm\xff");
  run.result_json = "{broken";
  run.info.label = "\xc3";
  const json out = parse_json(export_run(run, ExportFormat::json, false)).value();
  EXPECT_EQ(out["result"], nullptr);
  EXPECT_EQ(out["samples"][0]["subject"], "vm\xef\xbf\xbd");
}

TEST(RunsDocument, Lists_each_run_once_in_the_order_given) {
  RunInfo running = run_numbered(9).info;
  running.status = RunStatus::running;
  RunInfo done = run_numbered(4).info;
  done.finished = done.started + std::chrono::milliseconds(1500);
  const auto document = runs_document({running, done});
  EXPECT_EQ(document.json["runs"].size(), 2U);
  EXPECT_EQ(document.json["runs"][0]["id"], 9);
  EXPECT_EQ(document.json["runs"][0]["finished"], nullptr);
  EXPECT_EQ(document.answer.front(), "2 runs, 1 of them running.");
  const auto& table = document.sections.front().tables.front();
  for (const auto& row : table.rows) EXPECT_EQ(row.size(), table.columns.size());
  EXPECT_THAT(runs_document({}).answer, ElementsAre(HasSubstr("no runs yet")));
}

// Python's jsonschema, an implementation that is not ours. True where it accepts.
bool accepts(const std::string& schema, const json& document) {
  const std::string file = fresh_directory() + "/document.json";
  std::ofstream(file) << json_text(document);
  const std::string command = fmt::format(
      "/usr/bin/python3 -c 'import json,sys,jsonschema; s=json.load(open(sys.argv[1]));"
      "jsonschema.Draft202012Validator.check_schema(s);"
      "e=list(jsonschema.Draft202012Validator(s).iter_errors(json.load(open(sys.argv[2]))));"
      "sys.exit(7 if e else 0)' {}/data/schemas/{}.schema.json {}",
      BRIM_SOURCE_DIR, schema, file);
  const int status = std::system(command.c_str());  // NOLINT(concurrency-mt-unsafe, cert-env33-c)
  EXPECT_TRUE(status == 0 || WEXITSTATUS(status) == 7) << "the validator itself failed";
  return status == 0;
}

class Schemas : public testing::Test {
 protected:
  void SetUp() override {
    // NOLINTNEXTLINE(concurrency-mt-unsafe, cert-env33-c)
    if (std::system("/usr/bin/python3 -c 'import jsonschema' 2>/dev/null") != 0)
      GTEST_SKIP() << "no python3-jsonschema here (Debian: apt install python3-jsonschema)";
  }
};

TEST_F(Schemas, Accept_what_brim_writes_and_nothing_amiss) {
  study::Run a = run_to_export();
  study::Run b = run_numbered(2);
  b.info.context_json = "";
  put(a, "share.pss_bytes", {10, 11, 12, 10.5, 11.5});
  put(b, "share.pss_bytes", {5, 6, 7, 5.5, 6.5});
  put(b, "share.zero_pages", {5}, "vm, \"one\"\nx");
  json compared = comparison_document(a, b, false).json;
  EXPECT_TRUE(accepts("compare", compared));
  compared["metrics"][0]["verdict"] = "maybe";
  EXPECT_FALSE(accepts("compare", compared));

  json runs = runs_document({a.info, b.info}).json;
  EXPECT_TRUE(accepts("runs", runs));
  EXPECT_TRUE(accepts("runs", runs_document({}).json));
  runs["runs"][0].erase("id");
  EXPECT_FALSE(accepts("runs", runs));

  for (const bool canonical : {false, true}) {
    json exported = parse_json(export_run(a, ExportFormat::json, canonical)).value();
    EXPECT_TRUE(accepts("export", exported));
    exported["samples"][0]["value"] = "many";
    EXPECT_FALSE(accepts("export", exported));
  }
}

}  // namespace
}  // namespace brim::study
