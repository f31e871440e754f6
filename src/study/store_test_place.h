// SPDX-License-Identifier: Apache-2.0
#pragma once
// For the store's tests: fresh places for stores, raw SQL on them, and something to put there.

#include "base/result.h"
#include "study/run.h"

#include <functional>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <unistd.h>

namespace brim::study {

enum class Place { sqlite, postgresql };
[[nodiscard]] std::string place_name(const testing::TestParamInfo<Place>& info);

// A location where nothing is yet. `missing`, with the reason, where there is no PostgreSQL server
// program here or it doesn't start. The server is started once, on a unix socket in a temporary
// directory, and ends with the test program.
[[nodiscard]] Result<std::string> fresh_location(Place place);

// A test on both backends, each at a location of its own; skipped where a backend is not there.
class AtPlace : public testing::TestWithParam<Place> {
 protected:
  void SetUp() override {
    auto place = fresh_location(GetParam());
    if (!place) GTEST_SKIP() << place.error().what;
    location_ = *place;
  }
  std::string location_;
};

// A new empty directory, removed at the end of the test program.
[[nodiscard]] std::string fresh_directory();

// Runs statements, past the store; the first column of the first row of the last, as text.
std::string raw_sql(const std::string& location, const std::vector<std::string>& statements);

// Runs `work` while another connection of an SQLite store has a transaction of its own under way.
void while_writing(const std::string& path, const std::function<void()>& work);

// Runs `work` in a child process as a user without rights (nobody, where we are root) and returns
// the text it gives.
[[nodiscard]] std::string as_nobody(const std::function<std::string()>& work);
// The same with the rights and user we have.
[[nodiscard]] std::string in_child(const std::function<std::string()>& work);

// Samples are added this many at a time.
inline constexpr int kBatch = 500;

inline std::vector<Sample> batch_of(double value) {
  Sample sample;
  sample.metric = "share.zero_pages";
  sample.value = value;
  return std::vector<Sample>(kBatch, sample);
}

inline RunInfo info_of_process() {
  RunInfo info;
  info.area = "share";
  info.command = "share scan";
  info.owner = {"here", "boot", ::getpid(), 1};
  return info;
}

}  // namespace brim::study
