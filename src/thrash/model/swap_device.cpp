// SPDX-License-Identifier: Apache-2.0
#include "thrash/model/swap_device.h"

#include "base/result.h"
#include "thrash/model/hard_disk.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <utility>
#include <vector>

namespace brim::thrash::model {
namespace {

ModelTime transfer_time(std::uint32_t pages, double bytes_per_second) {
  const double bytes = static_cast<double>(pages) * static_cast<double>(kPageSize);
  return ModelTime(std::llround(bytes / bytes_per_second * 1e9));
}

// Requests by when they will be done, all of which are known as they come.
class Underway {
 public:
  void add(const SwapRequest& request, ModelTime now, ModelTime done_at) {
    requests_.emplace(std::pair(done_at, count_++), request);
    const ModelTime from = std::max(now, busy_until_);
    busy_until_ = std::max(busy_until_, done_at);
    busy_ += busy_until_ - std::min(from, busy_until_);
  }
  [[nodiscard]] ModelTime next() const {
    return requests_.empty() ? kNever : requests_.begin()->first.first;
  }
  [[nodiscard]] SwapRequest take() {
    BRIM_ASSERT(!requests_.empty());
    const SwapRequest request = requests_.begin()->second;
    requests_.erase(requests_.begin());
    return request;
  }
  [[nodiscard]] ModelTime busy(ModelTime now) const {
    return busy_ - std::max(ModelTime(0), busy_until_ - now);
  }

 private:
  std::map<std::pair<ModelTime, std::uint64_t>, SwapRequest> requests_;
  std::uint64_t count_ = 0;
  ModelTime busy_until_{0};
  ModelTime busy_{0};  // until busy_until_
};

class Flash final : public SwapDevice {
 public:
  explicit Flash(const FlashShape& shape) : shape_(shape), free_at_(shape.channels, ModelTime(0)) {}

  Submitted submit(const SwapRequest& request, ModelTime now) override {
    const bool in = request.transfer == Transfer::in;
    const double rate = in ? shape_.read_bytes_per_second : shape_.write_bytes_per_second;
    const auto channel = std::ranges::min_element(free_at_);
    *channel = std::max(*channel, now) + (in ? shape_.read_latency : shape_.write_latency) +
               transfer_time(request.count, rate / shape_.channels);
    underway_.add(request, now, *channel);
    return {};
  }
  ModelTime next_completion() const override { return underway_.next(); }
  SwapRequest complete() override { return underway_.take(); }
  ModelTime busy(ModelTime now) const override { return underway_.busy(now); }

 private:
  FlashShape shape_;
  std::vector<ModelTime> free_at_;  // by channel
  Underway underway_;
};

class Remote final : public SwapDevice {
 public:
  explicit Remote(const RemoteShape& shape) : shape_(shape) {}

  Submitted submit(const SwapRequest& request, ModelTime now) override {
    link_free_at_ =
        std::max(link_free_at_, now) + transfer_time(request.count, shape_.bytes_per_second);
    underway_.add(request, now, link_free_at_ + shape_.round_trip);
    return {};
  }
  ModelTime next_completion() const override { return underway_.next(); }
  SwapRequest complete() override { return underway_.take(); }
  ModelTime busy(ModelTime now) const override { return underway_.busy(now); }
  ModelTime fails_at() const override { return shape_.fails_at; }

 private:
  RemoteShape shape_;
  ModelTime link_free_at_{0};
  Underway underway_;
};

std::unique_ptr<SwapDevice> build(const HardDiskShape& shape) {
  return std::make_unique<HardDisk>(shape);
}
std::unique_ptr<SwapDevice> build(const FlashShape& shape) {
  return std::make_unique<Flash>(shape);
}
std::unique_ptr<SwapDevice> build(const RemoteShape& shape) {
  return std::make_unique<Remote>(shape);
}

class Compressed final : public SwapDevice {
 public:
  Compressed(const CompressedShape& shape, Pages slots) : shape_(shape), in_pool_(slots.count()) {
    if (shape.backing)
      backing_ = std::visit([](const auto& one) { return build(one); }, *shape.backing);
  }

  Submitted submit(const SwapRequest& request, ModelTime now) override {
    return request.transfer == Transfer::out ? store(request, now) : fetch(request, now);
  }
  ModelTime next_completion() const override {
    return backing_ != nullptr ? backing_->next_completion() : kNever;
  }
  SwapRequest complete() override {
    BRIM_ASSERT(backing_ != nullptr);
    return backing_->complete();
  }
  void discard(Slot slot) override {
    if (!in_pool_[slot]) return;
    in_pool_[slot] = false;
    set_stored(stored_ - 1);
  }
  Pages pool() const override { return pool_; }
  ModelTime busy(ModelTime now) const override {
    return backing_ != nullptr ? backing_->busy(now) : ModelTime(0);
  }

 private:
  [[nodiscard]] Pages pool_of(std::uint64_t pages) const {
    return Pages(static_cast<std::uint64_t>(
        std::ceil(static_cast<double>(pages) * shape_.compressed_share)));
  }
  void set_stored(std::uint64_t pages) {
    stored_ = pages;
    if (shape_.takes_memory) pool_ = pool_of(pages);
  }
  // Without a device behind it all is taken: the slots are its limit.
  Submitted store(const SwapRequest& request, ModelTime now) {
    const bool room = !shape_.most_pool || pool_of(stored_ + request.count) <= *shape_.most_pool;
    if (!room && backing_ != nullptr) return backing_->submit(request, now);
    std::uint64_t stored = stored_;
    for (Slot slot = request.first; slot < request.first + request.count; ++slot) {
      stored += in_pool_[slot] ? 0 : 1;
      in_pool_[slot] = true;
    }
    set_stored(stored);
    return {shape_.compress * request.count, true};
  }
  // Of a run of which the pool has a part the device reads all.
  Submitted fetch(const SwapRequest& request, ModelTime now) {
    std::uint32_t here = 0;
    for (Slot slot = request.first; slot < request.first + request.count; ++slot)
      here += in_pool_[slot] ? 1 : 0;
    const ModelTime processor = shape_.decompress * here;
    if (here == request.count || backing_ == nullptr) return {processor, true};
    Submitted submitted = backing_->submit(request, now);
    submitted.processor += processor;
    return submitted;
  }

  CompressedShape shape_;
  std::vector<bool> in_pool_;  // by slot
  std::uint64_t stored_ = 0;   // pages in the pool
  Pages pool_{0};              // RAM: asked for far more often than it changes
  std::unique_ptr<SwapDevice> backing_;
};

}  // namespace

std::unique_ptr<SwapDevice> make_device(const DeviceShape& shape) {
  if (const auto* compressed = std::get_if<CompressedShape>(&shape.kind))
    return std::make_unique<Compressed>(*compressed, shape.slots);
  return std::visit(
      [](const auto& one) -> std::unique_ptr<SwapDevice> {
        if constexpr (!std::is_same_v<std::decay_t<decltype(one)>, CompressedShape>)
          return build(one);
        return nullptr;
      },
      shape.kind);
}

bool is_read_at_once(const DeviceShape& shape) {
  const auto* compressed = std::get_if<CompressedShape>(&shape.kind);
  return compressed != nullptr && !compressed->backing;
}

}  // namespace brim::thrash::model
