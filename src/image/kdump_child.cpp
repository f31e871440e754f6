// SPDX-License-Identifier: Apache-2.0
#include "image/kdump_child.h"

#include "image/kdump_completeness.h"

#include <algorithm>
#include <bit>
#include <cstdio>

#include <libkdumpfile/kdumpfile.h>
#include <sys/time.h>
#include <unistd.h>

namespace brim::image::kdump {
namespace {

// libkdumpfile looks for a page in its cache one by one, 1024 of them unless told; brim reads each
// page once.
constexpr kdump_num_t kCachedPages = 16;

class Server {
 public:
  explicit Server(Shared& shared) : shared_(shared) {}

  Answer open() {
    if (const auto flaw = find_header_flaw(kDumpFd)) return damaged(*flaw);
    context_ = kdump_new();
    if (context_ == nullptr) return failed("out of memory");
    // read(), not mmap(): a file that shrinks is then an error and not a SIGBUS
    if (kdump_set_number_attr(context_, KDUMP_ATTR_FILE_MMAP_POLICY, KDUMP_MMAP_NEVER) !=
            KDUMP_OK ||
        kdump_open_fd(context_, kDumpFd) != KDUMP_OK ||
        kdump_set_number_attr(context_, "cache.size", kCachedPages) != KDUMP_OK)
      return failed(kdump_get_err(context_));
    kdump_num_t page_size = 0;
    if (kdump_get_number_attr(context_, KDUMP_ATTR_PAGE_SIZE, &page_size) != KDUMP_OK)
      return failed(kdump_get_err(context_));
    if (page_size < kPageSize || !std::has_single_bit(page_size))
      return failed("the dump's page size is not a multiple of 4096");
    frames_per_page_ = page_size / kPageSize;
    if (!holds_a_page()) return damaged("a kdump without a page of memory");
    // RAM the dump knows of; a format without that knows only what it holds.
    const char* const maps[] = {KDUMP_ATTR_MEMORY_PAGEMAP, KDUMP_ATTR_FILE_PAGEMAP};
    for (const char* name : maps) {
      kdump_attr_t attribute;
      attribute.type = KDUMP_BITMAP;
      if (kdump_get_typed_attr(context_, name, &attribute) != KDUMP_OK) continue;
      memory_ = attribute.val.bitmap;
      return {};
    }
    return failed(kdump_get_err(context_));
  }

  Answer answer(const Request& request) {
    switch (request.operation) {
      case Operation::extents:
        return extents(request);
      case Operation::read:
        return read(request);
      case Operation::verify:
        return verify();
    }
    return failed("unknown request");
  }

 private:
  Answer failed(const char* message) {
    std::snprintf(shared_.message.data(), shared_.message.size(), "%s",
                  message != nullptr ? message : "no reason given");
    return {Status::failed, 0};
  }

  Answer damaged(const char* message) {
    std::snprintf(shared_.message.data(), shared_.message.size(), "%s", message);
    return {Status::damaged, 0};
  }
  Answer damaged(const Flaw& flaw) {
    describe(flaw, shared_.message);
    return {Status::damaged, 0};
  }

  // Headers may name memory and leave all of it out: a max_mapnr of 0, a split range that is empty.
  [[nodiscard]] bool holds_a_page() const {
    kdump_attr_t attribute;
    attribute.type = KDUMP_BITMAP;
    if (kdump_get_typed_attr(context_, KDUMP_ATTR_FILE_PAGEMAP, &attribute) != KDUMP_OK) {
      kdump_clear_err(context_);
      return true;  // it can't tell
    }
    kdump_addr_t first = 0;
    return kdump_bmp_find_set(attribute.val.bitmap, &first) == KDUMP_OK &&
           first < number("max_pfn");
  }

  Answer extents(const Request& request) {
    Answer answer;
    kdump_addr_t page = (request.first + frames_per_page_ - 1) / frames_per_page_;
    while (answer.count < shared_.runs.size()) {
      if (kdump_bmp_find_set(memory_, &page) != KDUMP_OK) break;
      kdump_addr_t end = page;
      if (kdump_bmp_find_clear(memory_, &end) != KDUMP_OK || end <= page)
        return failed(kdump_bmp_get_err(memory_));
      shared_.runs[answer.count++] = {page * frames_per_page_, (end - page) * frames_per_page_};
      page = end;
    }
    return answer;
  }

  [[nodiscard]] kdump_num_t number(const char* key) const {
    kdump_num_t value = 0;
    if (kdump_get_number_attr(context_, key, &value) != KDUMP_OK) return 0;
    return value;
  }

  Answer verify() {
    const auto flaw = find_page_flaw(kDumpFd);
    return flaw ? damaged(*flaw) : Answer{};
  }

  Answer read(const Request& request) {
    const std::uint32_t count = std::min<std::uint32_t>(request.count, kBatchPages);
    for (std::uint32_t i = 0; i < count; ++i) {
      std::byte* page = shared_.pages.data() + i * kPageSize;
      std::size_t length = kPageSize;
      const kdump_status status =
          kdump_read(context_, KDUMP_MACHPHYSADDR, (request.first + i) * kPageSize, page, &length);
      shared_.unavailable[i] = status == KDUMP_ERR_NODATA ? 1 : 0;
      if (status == KDUMP_ERR_NODATA) {
        std::fill_n(page, kPageSize, std::byte{0});
        kdump_clear_err(context_);
      } else if (status != KDUMP_OK) {
        return unreadable(request.first + i);
      }
    }
    return {Status::ok, count};
  }

  // The dump can be read on.
  Answer unreadable(std::uint64_t frame) {
    const char* reason = kdump_get_err(context_);
    std::snprintf(shared_.message.data(), shared_.message.size(), "page frame %llu: %s",
                  static_cast<unsigned long long>(frame / frames_per_page_),
                  reason != nullptr ? reason : "no reason given");
    kdump_clear_err(context_);
    return {Status::failed, 0};
  }

  Shared& shared_;
  kdump_ctx_t* context_ = nullptr;
  kdump_bmp_t* memory_ = nullptr;
  std::uint64_t frames_per_page_ = 1;
};

// SIGALRM ends a child that computes without end, should its parent be gone; while it waits for a
// request, the closed socket does.
void limit_time(int seconds) {
  itimerval timer = {};
  timer.it_value.tv_sec = seconds;
  ::setitimer(ITIMER_REAL, &timer, nullptr);
}

void send_answer(const Answer& answer) {
  limit_time(0);
  if (::write(kSocketFd, &answer, sizeof(answer)) != static_cast<ssize_t>(sizeof(answer)))
    ::_exit(1);
}

}  // namespace

void serve(Shared& shared) {
  limit_time(seconds_for(Operation::extents));
  Server server(shared);
  send_answer(server.open());
  Request request;
  while (::read(kSocketFd, &request, sizeof(request)) == static_cast<ssize_t>(sizeof(request))) {
    limit_time(seconds_for(request.operation));
    send_answer(server.answer(request));
  }
  ::_exit(0);
}

}  // namespace brim::image::kdump
