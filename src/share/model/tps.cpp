// SPDX-License-Identifier: Apache-2.0
#include "share/model/tps.h"

#include <algorithm>
#include <numeric>
#include <ranges>
#include <span>
#include <utility>

namespace brim::share::model {

Tps::Tps(SimulatedMemory& memory, const TpsKnobs& knobs, const Costs& costs, const Rng& rng)
    : memory_(memory), knobs_(knobs), costs_(costs), rng_(rng), shared_(memory) {}

void Tps::add(SimulatedMemory::Range pages) {
  if (pages.first == pages.end) return;
  guests_.push_back({.pages = pages, .rng = rng_.split("guest", guests_.size())});
  Guest& guest = guests_.back();
  if (knobs_.guest_large_pages) guest.small.resize((pages.end - pages.first) / kLargePage);
  if (hashes_.size() < pages.end) {
    hashes_.resize(pages.end);
    scanned_.resize(pages.end);
  }
  set_rates();
  guest.turn = static_cast<double>(time_.count()) + guest.period;
}

void Tps::set_rates() {
  const auto scan_time = static_cast<double>(knobs_.share_scan_time.count());
  double rate = 0;  // pages a nanosecond
  for (const Guest& guest : guests_)
    rate += static_cast<double>(guest.pages.end - guest.pages.first) / scan_time;
  const double pages_of_mib = 1 << (20 - kPageShift);
  const double limit = knobs_.share_scan_ghz * knobs_.host_ghz * pages_of_mib / 1e9;
  const double slower = limit > 0 ? std::max(1.0, rate / limit) : 1;
  for (Guest& guest : guests_)
    guest.period = scan_time / static_cast<double>(guest.pages.end - guest.pages.first) * slower;
  new_looks_ = knobs_.share_at_allocation && (limit <= 0 || rate < limit);
  new_period_ = limit > 0 && new_looks_ ? 1 / (limit - rate) : 0;
}

void Tps::run(ModelTime until) {
  const auto end = static_cast<double>(until.count());
  for (;;) {
    const auto guest = std::ranges::min_element(guests_, {}, &Guest::turn);
    if (guest == guests_.end()) break;
    if (!new_pages_.empty() && new_turn_ <= std::min(guest->turn, end)) {
      look_at_new_page();
      continue;
    }
    if (guest->turn > end) break;
    if (guest->next == guest->order.size()) draw_order(*guest);
    visit(*guest, guest->order[guest->next++]);
    guest->turn += guest->period;
  }
  time_ = std::max(time_, until);
}

void Tps::look_at_new_page() {
  const Page page = new_pages_.front();
  new_pages_.pop_front();
  new_turn_ += new_period_;
  visit(*guest_of(page), page);
}

void Tps::draw_order(Guest& guest) {
  guest.next = 0;
  guest.order.resize(guest.pages.end - guest.pages.first);
  std::iota(guest.order.begin(), guest.order.end(), guest.pages.first);
  const auto others = std::stable_partition(guest.order.begin(), guest.order.end(),
                                            [this](Page page) { return preferred(page); });
  guest.rng.shuffle(std::span(guest.order.begin(), others));
  guest.rng.shuffle(std::span(others, guest.order.end()));
  if (knobs_.order != TpsOrder::unchanged_first) return;
  for (Page page = guest.pages.first; page < guest.pages.end; ++page) memory_.clear_written(page);
}

bool Tps::preferred(Page page) const {
  switch (knobs_.order) {
    case TpsOrder::random:
      return false;
    case TpsOrder::read_only_first:
      return memory_.use(page) != PageUse::data;
    case TpsOrder::code_first:
      return memory_.use(page) == PageUse::code;
    case TpsOrder::unchanged_first:
      return !memory_.written(page);
  }
  return false;
}

Tps::Guest* Tps::guest_of(Page page) {
  const auto guest = std::ranges::find_if(guests_, [page](const Guest& candidate) {
    return page >= candidate.pages.first && page < candidate.pages.end;
  });
  return guest == guests_.end() ? nullptr : &*guest;
}

void Tps::allocated(Page page) {
  Guest* const guest = guest_of(page);
  if (guest == nullptr) return;
  if (pressure_ && large(*guest, page)) break_up(*guest, (page - guest->pages.first) / kLargePage);
  if (!new_looks_ || large(*guest, page)) return;
  if (new_pages_.empty()) new_turn_ = std::max(new_turn_, static_cast<double>(time_.count()));
  new_pages_.push_back(page);
}

bool Tps::large(const Guest& guest, Page page) {
  const std::size_t number = (page - guest.pages.first) / kLargePage;
  return number < guest.small.size() && !guest.small[number];
}

void Tps::set_pressure(bool pressure) {
  if (std::exchange(pressure_, pressure) == pressure || !pressure) return;
  for (Guest& guest : guests_) {
    for (std::size_t number = 0; number < guest.small.size(); ++number)
      if (!guest.small[number]) break_up(guest, number);
  }
}

// What its parts have in common with others, as far as they have been scanned, is shared at once.
// One that the guest has not touched stays as it is.
void Tps::break_up(Guest& guest, std::size_t number) {
  const Page first = guest.pages.first + static_cast<Page>(number * kLargePage);
  const Page end = first + static_cast<Page>(kLargePage);
  const auto present = [this](Page page) { return memory_.present(page); };
  if (std::ranges::none_of(std::views::iota(first, end), present)) return;
  guest.small[number] = true;
  ++work_.breaks;
  for (Page page = first; page < end; ++page)
    if (scanned_[page]) visit(guest, page);
}

void Tps::visit(const Guest& guest, Page page) {
  if (!memory_.present(page)) return;
  ++work_.visits;
  if (memory_.frame(page) != kOwnFrame) return;
  drop_hint(page);
  const ContentHash now = hash(page);
  if (large(guest, page)) {
    hints_.try_emplace(now, page);
    return;
  }
  if (!join_shared(page, now) && !join_hint(page, now)) hints_[now] = page;
}

ContentHash Tps::hash(Page page) {
  ++work_.checksums;
  scanned_[page] = true;
  return hashes_[page] = content_hash(memory_.content(page));
}

bool Tps::join_shared(Page page, ContentHash hash) {
  const Frame frame = shared_.find(hash);
  if (frame == kNoFrame) return false;
  ++work_.confirmations;
  ++work_.merges;
  memory_.join(page, frame);
  return true;
}

bool Tps::join_hint(Page page, ContentHash hash) {
  const auto at = hints_.find(hash);
  if (at == hints_.end()) return false;
  const Page other = at->second;
  // Gone, or shared since under another hash. Of a large page: its part looks here when broken up.
  if (memory_.frame(other) != kOwnFrame || large(*guest_of(other), other)) return false;
  ++work_.checksums;
  if (content_hash(memory_.content(other)) != hash) return false;
  ++work_.confirmations;
  work_.merges += 2;
  hints_.erase(at);
  memory_.join(page, shared_.share(other, hash));
  return true;
}

void Tps::drop_hint(Page page) {
  if (!scanned_[page]) return;
  const auto at = hints_.find(hashes_[page]);
  if (at != hints_.end() && at->second == page) hints_.erase(at);
}

PShare Tps::pshare() const {
  const SimulatedMemory::Totals& totals = memory_.totals();
  return {.shared = totals.pages_on_shared_frames,
          .common = totals.shared_frames,
          .saving = totals.pages_on_shared_frames - totals.shared_frames};
}

}  // namespace brim::share::model
