// SPDX-License-Identifier: Apache-2.0
// ARC, CAR and LRU-K beside the pseudo-code of their papers, written out to the letter: one
// function for a request, searching lists and all pages, with no thought for speed. Both must fault
// alike.
#include "thrash/model/test_traces.h"

#include <array>
#include <list>
#include <tuple>

namespace brim::thrash::model {
namespace {

using test::faults_of;
using test::hot_and_scan_trace;
using test::random_trace;

using Numbers = std::list<PageNumber>;  // the least recent first

bool has(const Numbers& list, PageNumber page) {
  return std::ranges::find(list, page) != list.end();
}
double length(const Numbers& list) { return static_cast<double>(list.size()); }
PageNumber drop_first(Numbers& list) {
  const PageNumber page = list.front();
  list.pop_front();
  return page;
}

// Megiddo and Modha 2003, figure 4.
struct LiteralArc {
  double c;
  double p = 0;
  Numbers t1{}, t2{}, b1{}, b2{};

  void replace(bool in_b2) {
    if (!t1.empty() && (length(t1) > p || (in_b2 && length(t1) == p)))
      b1.push_back(drop_first(t1));
    else
      b2.push_back(drop_first(t2));
  }
  bool faults(PageNumber x) {
    if (has(t1, x) || has(t2, x)) {  // case I
      t1.remove(x);
      t2.remove(x);
      t2.push_back(x);
      return false;
    }
    if (has(b1, x)) {  // case II
      p = std::min(c, p + (b1.size() >= b2.size() ? 1 : length(b2) / length(b1)));
      replace(false);
      b1.remove(x);
      t2.push_back(x);
    } else if (has(b2, x)) {  // case III
      p = std::max(0.0, p - (b2.size() >= b1.size() ? 1 : length(b1) / length(b2)));
      replace(true);
      b2.remove(x);
      t2.push_back(x);
    } else {  // case IV
      const double all = length(t1) + length(t2) + length(b1) + length(b2);
      if (length(t1) + length(b1) == c) {
        if (length(t1) < c) {
          drop_first(b1);
          replace(false);
        } else {
          drop_first(t1);
        }
      } else if (all >= c) {
        if (all == 2 * c) drop_first(b2);
        replace(false);
      }
      t1.push_back(x);
    }
    return true;
  }
};

// Bansal and Modha 2004, figure 2.
struct LiteralCar {
  double c;
  std::size_t pages;
  double p = 0;
  Numbers t1{}, t2{}, b1{}, b2{};
  std::vector<bool> bit = std::vector<bool>(pages);

  void replace() {
    for (;;) {
      const bool once = length(t1) >= std::max(1.0, p);
      const PageNumber head = drop_first(once ? t1 : t2);
      if (!bit[head]) return (once ? b1 : b2).push_back(head);
      bit[head] = false;
      t2.push_back(head);
    }
  }
  bool faults(PageNumber x) {
    if (has(t1, x) || has(t2, x)) {
      bit[x] = true;
      return false;
    }
    const bool known = has(b1, x) || has(b2, x);
    if (length(t1) + length(t2) == c) {
      replace();
      if (!known && length(t1) + length(b1) == c)
        drop_first(b1);
      else if (!known && length(t1) + length(t2) + length(b1) + length(b2) == 2 * c)
        drop_first(b2);
    }
    if (!known) {
      t1.push_back(x);
    } else if (has(b1, x)) {
      p = std::min(p + std::max(1.0, length(b2) / length(b1)), c);
      b1.remove(x);
      t2.push_back(x);
    } else {
      p = std::max(p - std::max(1.0, length(b1) / length(b2)), 0.0);
      b2.remove(x);
      t2.push_back(x);
    }
    bit[x] = false;
    return true;
  }
};

// O'Neil, O'Neil and Weikum 1993, figure 2.1, with K = 3 and all history kept. Unknown times stay
// unknown, and where no page may be chosen the least of all is, as lru_k.h says.
struct LiteralLru3 {
  using Times = std::array<std::uint64_t, 3>;

  std::size_t frames;
  std::size_t pages;
  std::uint64_t correlated;
  std::uint64_t t = 0;
  Numbers buffer{};
  std::vector<Times> hist = std::vector<Times>(pages);
  std::vector<std::uint64_t> last = std::vector<std::uint64_t>(pages);

  void evict() {
    const auto rank = [&](PageNumber page) {
      return std::tuple(correlated > 0 && t - last[page] <= correlated, hist[page][2], last[page]);
    };
    buffer.erase(std::ranges::min_element(buffer, {}, rank));
  }
  void begin_use(PageNumber x, std::uint64_t period) {
    const Times old = hist[x];
    hist[x] = {t, old[0] > 0 ? old[0] + period : 0, old[1] > 0 ? old[1] + period : 0};
  }
  bool faults(PageNumber x) {
    ++t;
    const bool resident = has(buffer, x);
    if (!resident) {
      if (buffer.size() == frames) evict();
      buffer.push_back(x);
      begin_use(x, 0);
    } else if (t - last[x] > correlated) {
      begin_use(x, last[x] - hist[x][0]);
    }
    last[x] = t;
    return !resident;
  }
};

std::uint64_t literal_faults(auto literal, const PageTrace& trace) {
  return static_cast<std::uint64_t>(std::ranges::count_if(
      trace.references, [&](Reference one) { return literal.faults(one.page()); }));
}

// Both a trace of near and far pages and a hot set beside a scan, whose hot set changes half way.
std::vector<PageTrace> traces(std::uint64_t seed) {
  PageTrace moving = hot_and_scan_trace(1500, 12, 0.3, Rng(seed));
  for (const Reference one : random_trace(1500, 60, Rng(seed + 100)).references)
    moving.references.emplace_back(one.page() + 20, Access::read);
  moving.pages = std::max<std::size_t>(moving.pages, 80);
  return {random_trace(2000, 70, Rng(seed)), moving};
}

TEST(Arc, Faults_as_the_papers_pseudo_code_does) {
  for (std::uint64_t seed = 1; seed <= 10; ++seed) {
    for (const PageTrace& trace : traces(seed)) {
      for (const std::size_t frames : {1U, 2U, 7U, 20U, 40U})
        ASSERT_EQ(faults_of("arc", trace, frames),
                  literal_faults(LiteralArc{static_cast<double>(frames)}, trace));
    }
  }
}

TEST(Car, Faults_as_the_papers_pseudo_code_does) {
  for (std::uint64_t seed = 1; seed <= 10; ++seed) {
    for (const PageTrace& trace : traces(seed)) {
      for (const std::size_t frames : {1U, 2U, 7U, 20U, 40U})
        ASSERT_EQ(faults_of("car", trace, frames),
                  literal_faults(LiteralCar{static_cast<double>(frames), trace.pages}, trace));
    }
  }
}

TEST(LruK, Faults_as_the_papers_pseudo_code_does_with_k_3) {
  for (std::uint64_t seed = 1; seed <= 10; ++seed) {
    for (const PageTrace& trace : traces(seed)) {
      for (const std::size_t frames : {1U, 2U, 7U, 20U, 40U}) {
        ASSERT_EQ(faults_of("lru-k(k=3,history=1000)", trace, frames),
                  literal_faults(LiteralLru3{frames, trace.pages, 0}, trace));
        ASSERT_EQ(faults_of("lru-k(k=3,history=1000,correlated=6)", trace, frames),
                  literal_faults(LiteralLru3{frames, trace.pages, 6}, trace));
      }
    }
  }
}

}  // namespace
}  // namespace brim::thrash::model
