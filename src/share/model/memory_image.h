// SPDX-License-Identifier: Apache-2.0
#pragma once
// Real memory in place of simulated guests: what each page of an image holds, as numbers that are
// equal where the bytes are, and what those bytes are like. One image stands for one guest. Its
// pages are there from the start, nobody writes to them or reads them, and they did not come from a
// disk that the host knows.

#include "base/result.h"
#include "base/units.h"
#include "share/model/content.h"
#include "share/model/content_traits.h"
#include "share/model/host_simulation.h"
#include "study/scenario.h"

#include <memory>
#include <span>
#include <string>
#include <vector>

namespace brim::share::model {

struct MemoryImage {
  std::string name;
  std::shared_ptr<const std::vector<Content>> pages;
  Pages unread{0};  // that the file names but doesn't hold
};

struct MemoryImages {
  std::vector<MemoryImage> all;
  // Of their pages. Null: what a mechanism asks is answered by the shares that its entry states.
  std::shared_ptr<const ContentCatalogue> contents = nullptr;
};

// Guests in place of the scenario's. `bad_input` at a scale other than 1: real pages can't be
// scaled.
[[nodiscard]] Result<std::vector<GuestPlan>> guests_of(std::span<const MemoryImage> images,
                                                       const study::Scenario& scenario);
// What a reader of the run should know of them, a sentence each.
[[nodiscard]] std::vector<std::string> notes_of(const MemoryImages& images);
// Names, sizes and a digest of the contents: the same where the images are.
[[nodiscard]] std::string identity_of(std::span<const MemoryImage> images);

}  // namespace brim::share::model
