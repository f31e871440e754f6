// SPDX-License-Identifier: Apache-2.0
#include "share/model/memory_image.h"

#include "share/model/share_backend.h"
#include "study/catalogue.h"

#include <array>
#include <map>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace brim::share::model {
namespace {

using testing::HasSubstr;

MemoryImage image_of(const std::string& name, std::initializer_list<std::uint64_t> pages) {
  auto contents = std::make_shared<std::vector<Content>>();
  for (const std::uint64_t page : pages) contents->push_back(Content{page});
  return {name, contents, Pages(0)};
}

constexpr const char* kUnlimitedKsm = R"(policy = "ksm"
max_page_sharing = 0
)";

study::ScenarioFile scenario_with(const std::string& study,
                                  const std::string& mechanism = kUnlimitedKsm) {
  const study::Catalogue none;
  const std::array<const study::Area*, 1> areas{&share_area()};
  const std::string text = "area = \"share\"\n[study]\n" + study + R"(
[schedule]
duration = "30s"
sample_interval = "30s"
[mechanism]
)" + mechanism + R"(
[loads.synthetic]
kind = "synthetic"
size = "1MiB"
[[guests]]
count = 5
heap_size = "4MiB"
load = "synthetic"
)";
  auto file = study::ScenarioFile::parse(text, "s.toml", none, areas);
  EXPECT_TRUE(file.has_value()) << (file ? "" : error_line(file.error()));
  return std::move(*file);
}

TEST(MemoryImageTest, Images_take_the_place_of_guests_and_loads) {
  const auto backend =
      make_share_backend({}, {{image_of("a", {1, 2, 2, 0}), image_of("b", {1, 2, 3, 0, 0})}});
  const study::ScenarioFile file = scenario_with("scale = 1");
  std::map<std::string, double> last;
  const auto ran = backend->run(
      file.base(), Rng(1),
      [&](std::string_view metric, std::string_view, double, double value) {
        last[std::string(metric)] = value;
      },
      [](double) {}, kNeverCancelled);
  ASSERT_TRUE(ran);
  EXPECT_EQ(last["share.zero_pages"], 3);
  EXPECT_EQ(last["share.used_pages"], 6);
  EXPECT_EQ(last["share.minimum_pages"], 3);
  EXPECT_EQ(last["share.intra_saving_pages"], 1);
  EXPECT_EQ(last["share.inter_saving_pages"], 2);
  // Zero pages are pages like others to KSM as it comes: three on one frame.
  EXPECT_EQ(last["share.saved_bytes"], (1 + 2 + 2) * 4096);
}

// Odd contents compress to 1,000 bytes; 5 can't be read any more.
class OddCompress final : public ContentCatalogue {
 public:
  [[nodiscard]] SimilarityKeys keys(Content /*content*/) const override { return {}; }
  [[nodiscard]] Bytes patch(Content /*content*/, Content /*reference*/) const override {
    return Bytes(kPageSize);
  }
  [[nodiscard]] Bytes compressed(Content content) const override {
    failed_ = failed_ || content == Content{5};
    return Bytes(static_cast<std::uint64_t>(content) % 2 == 1 ? 1000 : kPageSize);
  }
  [[nodiscard]] Result<void> check() const override {
    if (failed_) return fail(ErrorCode::gone, "changed", "b.raw");
    return {};
  }

 private:
  mutable bool failed_ = false;
};

// Compressible contents there are none of by the scenario's word.
constexpr const char* kStatedEngine = R"(policy = "difference_engine"
pages_per_s = 1000
compressible = 0
)";

TEST(MemoryImageTest, What_contents_are_like_comes_from_the_images_where_they_tell) {
  const auto stored = [](std::shared_ptr<const ContentCatalogue> contents) {
    const auto backend =
        make_share_backend({}, {{image_of("a", {1, 2, 3, 4, 4})}, std::move(contents)});
    double last = -1;
    const auto ran = backend->run(
        scenario_with("scale = 1", kStatedEngine).base(), Rng(1),
        [&](std::string_view metric, std::string_view, double, double value) {
          if (metric == "share.stored_bytes") last = value;
        },
        [](double) {}, kNeverCancelled);
    EXPECT_TRUE(ran);
    return last;
  };
  EXPECT_EQ(stored(std::make_shared<OddCompress>()), 2000);
  EXPECT_EQ(stored(nullptr), 0) << "the shares that are stated";
}

TEST(MemoryImageTest, A_run_ends_where_bytes_cannot_be_read_any_more) {
  const auto backend =
      make_share_backend({}, {{image_of("b", {1, 5})}, std::make_shared<OddCompress>()});
  double told = 0;
  const auto ran = backend->run(
      scenario_with("scale = 1", kStatedEngine).base(), Rng(1),
      [](std::string_view, std::string_view, double, double) {}, [&](double part) { told = part; },
      kNeverCancelled);
  ASSERT_FALSE(ran);
  EXPECT_EQ(ran.error().code, ErrorCode::gone);
  EXPECT_LT(told, 0.1) << "at once";
}

TEST(MemoryImageTest, Real_pages_are_not_scaled) {
  const auto backend = make_share_backend({}, {{image_of("a", {1})}});
  const auto checked = backend->check(scenario_with("scale = 0.5").base());
  ASSERT_FALSE(checked);
  EXPECT_THAT(error_line(checked.error()), HasSubstr("study.scale"));
}

TEST(MemoryImageTest, Other_contents_or_another_order_are_other_inputs) {
  const auto inputs = [](std::initializer_list<std::uint64_t> pages) {
    return make_share_backend({}, {{image_of("a", pages)}})->inputs();
  };
  EXPECT_EQ(inputs({1, 2, 0}), inputs({1, 2, 0}));
  EXPECT_NE(inputs({1, 2, 0}), inputs({2, 1, 0}));
  EXPECT_NE(inputs({1, 2, 0}), inputs({1, 2, 3}));
  EXPECT_NE(inputs({0, 0}), inputs({0, 0, 0}));
  EXPECT_EQ(make_share_backend()->inputs(), "");
}

}  // namespace
}  // namespace brim::share::model
