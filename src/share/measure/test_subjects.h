// SPDX-License-Identifier: Apache-2.0
#pragma once
// Subjects for tests: pages made from small numbers (content 0 is the zero page; equal numbers are
// equal pages), frames and facts as given, holes, pages that go away, and a naive count of the
// same things with std::map to hold the engine against.

#include "base/rng.h"
#include "share/measure/scan.h"
#include "share/measure/subject.h"

#include <array>
#include <cstring>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

namespace brim::share::test {

struct FakePage {
  std::uint64_t content = 0;
  bool present = true;
  PageFacts facts;
};

inline void fill_page(std::uint64_t content, std::span<std::byte, kPageSize> out) {
  std::memset(out.data(), 0, out.size());
  if (content == 0) return;
  Rng rng(content);
  for (std::size_t at = 0; at < kPageSize; at += 8) {
    const std::uint64_t word = rng.next();
    std::memcpy(out.data() + at, &word, sizeof word);
  }
}

class FakeSubject final : public Subject {
 public:
  FakeSubject(std::string name, SubjectKind kind, std::vector<FakePage> pages, bool facts,
              std::uint64_t first_page = 0)
      : name_(std::move(name)),
        kind_(kind),
        pages_(std::move(pages)),
        facts_(facts),
        first_page_(first_page) {
    std::uint64_t at = 0;
    while (at < pages_.size()) {
      const std::uint64_t room = kTestPartPages - (first_page_ + at) % kTestPartPages;
      const std::uint64_t count = std::min<std::uint64_t>(room, pages_.size() - at);
      parts_.push_back({first_page_ + at, count});
      at += count;
    }
  }

  [[nodiscard]] SubjectKind kind() const override { return kind_; }
  [[nodiscard]] const std::string& name() const override { return name_; }
  [[nodiscard]] std::string identified_by() const override { return "test"; }
  [[nodiscard]] std::span<const Part> parts() const override { return parts_; }
  [[nodiscard]] Pages readable_pages() const override { return Pages(pages_.size()); }
  [[nodiscard]] bool has_facts() const override { return facts_; }
  [[nodiscard]] std::string why_no_facts() const override { return facts_ ? "" : "no facts here"; }
  [[nodiscard]] Result<std::unique_ptr<SubjectReader>> reader() const override;

  [[nodiscard]] const std::vector<FakePage>& pages() const { return pages_; }
  [[nodiscard]] std::uint64_t first_page() const { return first_page_; }

  // Content of a page at the n-th time the part holding it is read (0 first), to play a running VM.
  std::function<std::uint64_t(std::uint64_t page, unsigned time, std::uint64_t content)> live;
  std::optional<std::uint64_t> gone_from;  // reading at or beyond this page fails
  std::set<std::uint64_t> no_reread;       // pages that can't be read again
  std::function<void()> before_batch;      // called before each batch

 private:
  friend class FakeReader;
  static constexpr std::uint64_t kTestPartPages = 1024;
  std::string name_;
  SubjectKind kind_;
  std::vector<FakePage> pages_;
  bool facts_;
  std::uint64_t first_page_;
  std::vector<Part> parts_;
  mutable std::map<std::uint64_t, unsigned> times_read_;  // by part; tests of `live` use one thread
};

class FakeReader final : public SubjectReader {
 public:
  explicit FakeReader(const FakeSubject& subject) : subject_(subject) {}

  Result<UnreadPages> read(const Part& part, const BatchSink& sink) override {
    UnreadPages unread;
    const unsigned time = subject_.live ? subject_.times_read_[part.first_page]++ : 0;
    std::uint64_t at = part.first_page;
    const std::uint64_t end = part.first_page + part.count;
    while (at < end) {
      if (subject_.gone_from && at >= *subject_.gone_from)
        return fail(ErrorCode::gone, "the process exited", subject_.name());
      if (!page(at).present) {
        ++unread.absent;
        ++at;
        continue;
      }
      bytes_.clear();
      facts_.clear();
      const std::uint64_t first = at;
      // 100 pages a batch: chunks of the engine end unevenly.
      for (; at < end && at < first + 100 && page(at).present &&
             (!subject_.gone_from || at < *subject_.gone_from);
           ++at) {
        bytes_.resize(bytes_.size() + kPageSize);
        const std::uint64_t content =
            subject_.live ? subject_.live(at, time, page(at).content) : page(at).content;
        fill_page(content, std::span<std::byte, kPageSize>(
                               bytes_.data() + bytes_.size() - kPageSize, kPageSize));
        facts_.push_back(page(at).facts);
      }
      if (subject_.before_batch) subject_.before_batch();
      PageBatch batch;
      batch.first_page = first;
      batch.bytes = bytes_;
      if (subject_.has_facts()) batch.facts = facts_;
      sink(batch);
    }
    return unread;
  }

  Result<void> reread(std::uint64_t number, std::span<std::byte, kPageSize> out) override {
    if (!page(number).present || subject_.no_reread.contains(number))
      return fail(ErrorCode::gone, "page gone");
    const std::uint64_t content = page(number).content;
    fill_page(subject_.live ? subject_.live(number, 99, content) : content, out);
    return {};
  }

 private:
  [[nodiscard]] const FakePage& page(std::uint64_t number) const {
    return subject_.pages_[number - subject_.first_page_];
  }
  const FakeSubject& subject_;
  std::vector<std::byte> bytes_;
  std::vector<PageFacts> facts_;
};

inline Result<std::unique_ptr<SubjectReader>> FakeSubject::reader() const {
  return std::make_unique<FakeReader>(*this);
}

using Subjects = std::vector<std::unique_ptr<Subject>>;

inline std::vector<FakePage> pages_of(const std::vector<std::uint64_t>& contents) {
  std::vector<FakePage> pages;
  pages.reserve(contents.size());
  for (const std::uint64_t content : contents) pages.push_back({content, true, {}});
  return pages;
}
inline std::unique_ptr<FakeSubject> image_of(std::string name,
                                             const std::vector<std::uint64_t>& contents) {
  return std::make_unique<FakeSubject>(std::move(name), SubjectKind::image, pages_of(contents),
                                       false);
}

inline ScanOptions plain_options() {
  ScanOptions options;
  options.threads = 1;
  options.beyond = Beyond::none;
  return options;
}

inline ScanResult must_scan(const Subjects& subjects, const ScanOptions& options,
                            std::uint64_t seed = 1) {
  Progress progress;
  const Cancel cancel;
  auto result = scan(subjects, options, Rng(seed), progress, cancel);
  if (!result) {
    ADD_FAILURE() << error_line(result.error());
    return {};
  }
  return std::move(*result);
}

}  // namespace brim::share::test
