// SPDX-License-Identifier: Apache-2.0
#include "share/model/memory_image.h"

#include <fmt/format.h>

namespace brim::share::model {

Result<std::vector<GuestPlan>> guests_of(std::span<const MemoryImage> images,
                                         const study::Scenario& scenario) {
  if (scenario.study.get<double>("scale") != 1)
    return fail(ErrorCode::bad_input, "images are simulated at their real size: --images needs 1",
                "study.scale");
  std::vector<GuestPlan> guests;
  for (const MemoryImage& image : images) {
    GuestPlan& guest = guests.emplace_back();
    guest.shape.memory = Pages(image.pages->size());
    guest.image = image.pages;
  }
  return guests;
}

std::vector<std::string> notes_of(const MemoryImages& images) {
  std::vector<std::string> notes;
  for (const MemoryImage& image : images.all) {
    std::string note = fmt::format("The image {} ({} pages) stands for a guest of the scenario",
                                   image.name, image.pages->size());
    if (image.unread.count() > 0)
      note += fmt::format("; {} pages that it names are not in it", image.unread.count());
    notes.push_back(std::move(note));
  }
  if (!images.all.empty())
    notes.emplace_back(
        "Nothing is written to images; the scenario's guests and loads are left out");
  if (images.contents)
    notes.emplace_back(
        "What patches and compressed pages take comes from the images' bytes; the shares that a "
        "mechanism's entry states are left out");
  return notes;
}

std::string identity_of(std::span<const MemoryImage> images) {
  std::string identity;
  for (const MemoryImage& image : images) {
    std::uint64_t digest = 0;
    for (const Content content : *image.pages)
      digest = spread(digest + static_cast<std::uint64_t>(content) + 1);
    identity += fmt::format("{} {} {:016x}\n", image.name, image.pages->size(), digest);
  }
  return identity;
}

}  // namespace brim::share::model
