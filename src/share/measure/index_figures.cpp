// SPDX-License-Identifier: Apache-2.0
#include "share/measure/index_figures.h"

#include "base/threads.h"

#include <algorithm>

#include <fmt/format.h>

namespace brim::share {
namespace {

// More copies first; equal copies by hash, so that the order is the same whatever the threads.
bool larger(const IndexFigures::Largest& a, const IndexFigures::Largest& b) {
  if (a.group.copies != b.group.copies) return a.group.copies > b.group.copies;
  return a.hash < b.hash;
}

class Collector {
 public:
  Collector(const ContentSample& sample, const FigureOptions& options)
      : sample_(sample), options_(options) {
    figures_.subjects.resize(options.subjects);
    if (options.matrix) {
      figures_.shared_contents.resize(options.subjects * options.subjects);
      figures_.pages_of_row.resize(options.subjects * options.subjects);
    }
  }

  void take(const PageIndex::Content& content) {
    const bool certain = sample_.certain(content.hash);
    const std::uint64_t holders = content.members.size();
    figures_.all.contents.add(1, certain);
    figures_.all.memberships.add(holders, certain);
    if (holders > 1) figures_.all.shared.add(holders - 1, certain);
    figures_.all.copies_seen += content.copies;
    for (const PageIndex::Member& member : content.members) {
      ContentSums& subject = figures_.subjects[member.subject];
      (holders == 1 ? subject.contents : subject.shared).add(1, certain);
      subject.memberships.add(1, certain);
      subject.copies_seen += member.copies;
    }
    if (holders > 1 && options_.matrix) take_pairs(content, certain);
    if (content.copies > 1 && options_.groups > 0) take_group(content);
  }

  [[nodiscard]] IndexFigures& figures() { return figures_; }

 private:
  void take_pairs(const PageIndex::Content& content, bool certain) {
    for (const PageIndex::Member& row : content.members)
      for (const PageIndex::Member& column : content.members) {
        if (row.subject == column.subject) continue;
        const std::size_t cell = row.subject * options_.subjects + column.subject;
        figures_.shared_contents[cell].add(1, certain);
        figures_.pages_of_row[cell].add(row.copies, certain);
      }
  }

  // `largest` is a heap with the smallest of the largest in front.
  void take_group(const PageIndex::Content& content) {
    std::vector<IndexFigures::Largest>& heap = figures_.largest;
    IndexFigures::Largest entry;
    entry.hash = content.hash;
    entry.group.copies = content.copies;
    if (heap.size() == options_.groups) {
      if (!larger(entry, heap.front())) return;
      std::pop_heap(heap.begin(), heap.end(), larger);
      heap.pop_back();
    }
    for (auto member = content.members.rbegin(); member != content.members.rend(); ++member)
      entry.group.in.emplace_back(member->subject, member->copies);
    heap.push_back(std::move(entry));
    std::push_heap(heap.begin(), heap.end(), larger);
  }

  const ContentSample& sample_;
  const FigureOptions& options_;
  IndexFigures figures_;
};

ContentSums& operator+=(ContentSums& sum, const ContentSums& other) {
  sum.contents += other.contents;
  sum.memberships += other.memberships;
  sum.shared += other.shared;
  sum.copies_seen += other.copies_seen;
  return sum;
}

void add(IndexFigures& sum, IndexFigures& other) {
  sum.all += other.all;
  for (std::size_t s = 0; s < sum.subjects.size(); ++s) sum.subjects[s] += other.subjects[s];
  for (std::size_t c = 0; c < sum.shared_contents.size(); ++c) {
    sum.shared_contents[c] += other.shared_contents[c];
    sum.pages_of_row[c] += other.pages_of_row[c];
  }
  for (IndexFigures::Largest& entry : other.largest) sum.largest.push_back(std::move(entry));
}

}  // namespace

IndexFigures figures_of(const PageIndex& index, const ContentSample& sample,
                        const FigureOptions& options) {
  std::vector<Collector> collectors(options.threads, Collector(sample, options));
  const auto collect = [&](unsigned worker) {
    for (std::size_t shard = worker; shard < PageIndex::kShards; shard += options.threads)
      index.for_each(shard,
                     [&](const PageIndex::Content& content) { collectors[worker].take(content); });
  };
  run_on_threads(options.threads, collect);
  IndexFigures figures = std::move(collectors.front().figures());
  for (std::size_t i = 1; i < collectors.size(); ++i) add(figures, collectors[i].figures());
  std::sort(figures.largest.begin(), figures.largest.end(), larger);
  if (figures.largest.size() > options.groups) figures.largest.resize(options.groups);
  for (IndexFigures::Largest& entry : figures.largest)
    entry.group.hash = fmt::format("{:016x}{:016x}", entry.hash.high, entry.hash.low);
  return figures;
}

}  // namespace brim::share
