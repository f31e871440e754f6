// SPDX-License-Identifier: Apache-2.0
#include "cli/study_areas.h"

#include "cli/lab_places.h"
#include "cli/live_guard.h"
#include "cli/live_tuner.h"
#include "cli/simulated_guard.h"
#include "cli/simulated_tuner.h"
#include "cli/state.h"
#include "share/live/live_backend.h"
#include "share/measure/image_contents.h"
#include "share/model/mechanism_plan.h"
#include "share/model/share_area.h"
#include "share/model/share_backend.h"
#include "study/built_in.h"
#include "thrash/live/thrash_live_backend.h"
#include "thrash/model/thrash_area.h"
#include "thrash/model/thrash_backend.h"

#include <algorithm>
#include <array>
#include <utility>

#include <fmt/format.h>

namespace brim::cli {
namespace {

using share::model::Content;

// What the model asks of contents, told from the bytes of images.
class ImageCatalogue final : public share::model::ContentCatalogue {
 public:
  explicit ImageCatalogue(std::shared_ptr<const share::ImagePages> pages)
      : pages_(std::move(pages)) {}

  [[nodiscard]] share::model::SimilarityKeys keys(Content content) const override {
    const share::BlockHashes blocks = pages_->blocks(number_of(content));
    return {share::model::SimilarityKey{blocks[0]}, share::model::SimilarityKey{blocks[1]}};
  }
  [[nodiscard]] Bytes patch(Content content, Content reference) const override {
    return Bytes(pages_->patch_size(number_of(content), number_of(reference)));
  }
  [[nodiscard]] Bytes compressed(Content content) const override {
    return Bytes(pages_->compressed_size(number_of(content)));
  }
  [[nodiscard]] Result<void> check() const override { return pages_->check(); }

 private:
  static std::uint64_t number_of(Content content) { return static_cast<std::uint64_t>(content); }
  std::shared_ptr<const share::ImagePages> pages_;
};

std::vector<share::model::MemoryImage> simulated(std::vector<share::ImageContents> all) {
  std::vector<share::model::MemoryImage> images;
  for (share::ImageContents& one : all) {
    auto pages = std::make_shared<std::vector<Content>>(one.pages.size());
    std::transform(one.pages.begin(), one.pages.end(), pages->begin(),
                   [](std::uint64_t number) { return Content{number}; });
    images.push_back({std::move(one.name), std::move(pages), one.unread});
    one = {};  // its numbers are not needed any more
  }
  return images;
}

Result<std::unique_ptr<study::Backend>> make_live_thrashing(const host::Host& host,
                                                            const LiveOptions& options) {
  thrash::live::ThrashPlaces places;
  places.agent = agent_program("").value_or("");
  BRIM_TRY(places.journal, journal_directory(host));
  BRIM_TRY(places.swaps, swap_records_directory(host));
  BRIM_TRY(places.groups, group_records_directory(host));
  BRIM_TRY(places.folders, folder_records_directory(host));
  return thrash::live::make_thrash_live_backend(
      host, std::move(places),
      {.whole_machine = options.whole_machine, .controls = {live_guard_control()}});
}

}  // namespace

std::span<const study::Area* const> study_areas() {
  static const std::array<const study::Area*, 2> areas{&share::model::share_area(),
                                                       &thrash::model::thrash_area()};
  return areas;
}

Result<study::ScenarioFile> scenario_with(const std::string& name,
                                          std::span<const std::string> sets,
                                          const study::Catalogue& catalogue) {
  std::vector<study::Override> overrides;
  for (const std::string& text : sets) {
    BRIM_TRY(overrides.emplace_back(), study::parse_override(text));
  }
  return study::open_scenario(name, catalogue, study_areas(), overrides);
}

Result<void> check_points(const study::ScenarioFile& scenario, const study::Backend& backend) {
  for (const study::Point& point : scenario.points()) BRIM_CHECK(backend.check(scenario.at(point)));
  return {};
}

std::unique_ptr<study::Backend> make_model(const study::Area& area,
                                           share::model::MemoryImages images) {
  if (&area == &thrash::model::thrash_area())
    return thrash::model::make_thrash_backend(make_simulated_guard);
  BRIM_ASSERT(&area == &share::model::share_area());
  return share::model::make_share_backend(make_simulated_tuner, std::move(images));
}

Result<share::model::MemoryImages> read_memory_images(std::span<const std::string> paths,
                                                      const study::ScenarioFile& scenario,
                                                      const Cancel& cancel) {
  share::model::MemoryImages images;
  if (paths.empty()) return images;
  if (scenario.base().area != &share::model::share_area())
    return fail(ErrorCode::bad_input,
                fmt::format("a study of the area '{}' has no images", scenario.base().area->name),
                "--images");
  const bool bytes_matter = std::ranges::any_of(scenario.points(), [&](const study::Point& point) {
    return share::model::asks_for_contents(scenario.at(point));
  });
  if (!bytes_matter) {
    BRIM_TRY(auto contents, share::read_image_contents(paths, cancel));
    images.all = simulated(std::move(contents));
    return images;
  }
  const Rng rng(scenario.base().study.get<std::uint64_t>("seed"));
  BRIM_TRY(share::ImageReading reading, share::read_image_pages(paths, rng, cancel));
  images.all = simulated(std::move(reading.contents));
  images.contents = std::make_shared<const ImageCatalogue>(std::move(reading.pages));
  return images;
}

Result<std::unique_ptr<study::Backend>> make_live(const study::Area& area, const host::Host& host,
                                                  const LiveOptions& options) {
  if (&area == &thrash::model::thrash_area()) return make_live_thrashing(host, options);
  BRIM_ASSERT(&area == &share::model::share_area());
  share::live::LivePlaces places;
  BRIM_TRY(places.cache, lab_cache_directory(""));
  places.agent = agent_program("").value_or("");
  BRIM_TRY(places.records, guest_records_directory(host));
  BRIM_TRY(places.pauses, pause_records_directory(host));
  BRIM_TRY(places.journal, journal_directory(host));
  return share::live::make_live_backend(host, std::move(places), make_live_tuner);
}

}  // namespace brim::cli
