// SPDX-License-Identifier: Apache-2.0
// A simulation over images: what the model is told of them is what their bytes are.
#include "cli/study_areas.h"

#include "host/scratch_directory.h"
#include "share/measure/page_codec.h"
#include "share/measure/test_pages.h"
#include "study/catalogue.h"

#include <map>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace brim::cli {
namespace {

using share::random_page;
using share::TestPage;
using share::text_page;
using share::with_one_byte_changed;
using testing::HasSubstr;

// 1,000 visits a second: a few pages are gone over many times.
study::ScenarioFile difference_engine() {
  const std::string text = R"(area = "share"
[schedule]
duration = "10s"
sample_interval = "10s"
[mechanism]
policy = "difference_engine"
pages_per_s = 1000
similar = 1
compressible = 1
[[guests]]
count = 1
)";
  auto file = study::ScenarioFile::parse(text, "s.toml", study::Catalogue(), study_areas());
  EXPECT_TRUE(file) << error_line(file.error());
  return std::move(*file);
}

class ImagesTest : public testing::Test {
 protected:
  std::string write_image(const std::string& name, const std::vector<TestPage>& pages) {
    std::string bytes;
    for (const TestPage& page : pages) share::append_page(bytes, page);
    folder_.write(name, bytes);
    return folder_ / name;
  }
  std::unique_ptr<study::Backend> model_over(const std::vector<std::string>& paths) {
    auto images = read_memory_images(paths, scenario_, kNeverCancelled);
    EXPECT_TRUE(images) << error_line(images.error());
    return make_model(*scenario_.base().area, std::move(*images));
  }
  Result<void> run(const study::Backend& model) {
    return model.run(
        scenario_.base(), Rng(1),
        [&](std::string_view metric, std::string_view, double, double value) {
          last_[std::string(metric)] = value;
        },
        [](double) {}, kNeverCancelled);
  }

  study::ScenarioFile scenario_ = difference_engine();
  host::ScratchDirectory folder_;
  std::map<std::string, double> last_;
  Rng rng_{3};
};

// Ten pages: one twice, one all but equal to it, three of zeros, two random, two of text.
TEST_F(ImagesTest, Difference_Engine_saves_what_the_bytes_allow) {
  const TestPage page = random_page(rng_);
  const TestPage near = with_one_byte_changed(page, 100);
  const TestPage text = text_page(rng_);
  const TestPage other = text_page(rng_);
  const TestPage zeros{};
  const auto model = model_over(
      {write_image("a", {page, text, random_page(rng_), zeros, zeros, random_page(rng_)}),
       write_image("b", {near, page, other, zeros})});
  const auto ran = run(*model);
  ASSERT_TRUE(ran) << error_line(ran.error());
  share::PageCodec codec;
  const double stored = codec.patch_size(near, page) + codec.lz4_size(text) + codec.lz4_size(other);
  EXPECT_EQ(last_["share.patched_pages"], 1);
  EXPECT_EQ(last_["share.compressed_pages"], 2);
  EXPECT_EQ(last_["share.stored_bytes"], stored);
  // Left are the page, the two random ones, and one of zeros.
  EXPECT_EQ(last_["share.ram_bytes"], 4 * static_cast<double>(kPageSize) + stored);
}

TEST_F(ImagesTest, An_image_that_changed_meanwhile_ends_the_run) {
  const TestPage text = text_page(rng_);
  const std::string path = write_image("a.raw", {text, random_page(rng_)});
  const auto model = model_over({path});
  write_image("a.raw", {with_one_byte_changed(text, 5), random_page(rng_)});
  const auto ran = run(*model);
  ASSERT_FALSE(ran);
  EXPECT_EQ(ran.error().code, ErrorCode::gone);
  EXPECT_THAT(error_line(ran.error()), HasSubstr("a.raw"));
}

}  // namespace
}  // namespace brim::cli
