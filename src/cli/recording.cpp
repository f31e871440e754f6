// SPDX-License-Identifier: Apache-2.0
#include "cli/recording.h"

#include "base/json_text.h"

#include <utility>

#include <fmt/format.h>

namespace brim::cli {

Recording::Recording(Result<study::Store> store) {
  if (store)
    store_ = std::make_unique<study::Store>(std::move(*store));
  else
    stop(std::move(store).error());
}

void Recording::begin(const study::RunInfo& info) {
  if (!store_) return;
  auto run = store_->begin(info);
  if (!run) return stop(std::move(run).error());
  run_ = *run;
}

void Recording::go_on(std::int64_t run) {
  if (store_) run_ = run;
}

void Recording::add(std::span<const study::Sample> samples) {
  if (!store_ || run_ == 0) return;
  if (auto added = store_->add(run_, samples); !added) stop(std::move(added).error());
}

void Recording::finish(study::RunStatus status, const nlohmann::json& result) {
  if (!store_ || run_ == 0) return;
  const std::string text = result.is_null() ? std::string() : json_line(result);
  if (auto done = store_->finish(run_, status, text); !done) stop(std::move(done).error());
}

std::string Recording::warning() const {
  BRIM_ASSERT(error_);
  const std::string line = error_line(*error_);
  if (run_ == 0) return fmt::format("Not recorded: {}.", line);
  return fmt::format("Run {} is recorded in part: {}.", run_, line);
}

void Recording::stop(Error error) {
  error_ = std::move(error);
  store_.reset();
}

}  // namespace brim::cli
