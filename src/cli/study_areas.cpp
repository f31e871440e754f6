// SPDX-License-Identifier: Apache-2.0
#include "cli/study_areas.h"

#include "cli/lab_places.h"
#include "cli/live_tuner.h"
#include "cli/simulated_tuner.h"
#include "cli/state.h"
#include "share/live/live_backend.h"
#include "share/measure/image_contents.h"
#include "share/model/share_area.h"
#include "share/model/share_backend.h"

#include <algorithm>
#include <array>
#include <utility>

namespace brim::cli {

std::span<const study::Area* const> study_areas() {
  static const std::array<const study::Area*, 1> areas{&share::model::share_area()};
  return areas;
}

std::unique_ptr<study::Backend> make_model(const study::Area& area,
                                           std::vector<share::model::MemoryImage> images) {
  BRIM_ASSERT(area.name == share::model::share_area().name);
  return share::model::make_share_backend(make_simulated_tuner, std::move(images));
}

Result<std::vector<share::model::MemoryImage>> read_memory_images(
    std::span<const std::string> paths, const Cancel& cancel) {
  using share::model::Content;
  std::vector<share::model::MemoryImage> images;
  if (paths.empty()) return images;
  BRIM_TRY(auto all, share::read_image_contents(paths, cancel));
  for (share::ImageContents& one : all) {
    auto pages = std::make_shared<std::vector<Content>>(one.pages.size());
    std::transform(one.pages.begin(), one.pages.end(), pages->begin(),
                   [](std::uint64_t number) { return Content{number}; });
    images.push_back({std::move(one.name), std::move(pages), one.unread});
    one = {};  // its numbers are not needed any more
  }
  return images;
}

Result<std::unique_ptr<study::Backend>> make_live(const study::Area& area, const host::Host& host) {
  BRIM_ASSERT(area.name == share::model::share_area().name);
  share::live::LivePlaces places;
  BRIM_TRY(places.cache, lab_cache_directory(""));
  BRIM_TRY(places.agent, agent_program(""));
  BRIM_TRY(places.records, guest_records_directory(host));
  BRIM_TRY(places.journal, journal_directory(host));
  return share::live::make_live_backend(host, std::move(places), make_live_tuner);
}

}  // namespace brim::cli
