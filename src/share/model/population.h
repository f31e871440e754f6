// SPDX-License-Identifier: Apache-2.0
#pragma once
// Simulated guests: populations of page classes, whose contents are told by who else has them.
//
// A class has pages and, within one guest, distinct contents (page i has content i modulo their
// number); whether other guests have the same ones is its scope: guests of the same family, of the
// same family and version, or none. Pages of kernel, libraries and page cache come from disk blocks
// that are equal exactly where the contents are. `zero` pages were touched and hold zeros (a guest
// that clears its free memory, as Windows does); all else is untouched, and free for loads.
//
// What is written to a class: nothing; the same contents again; new contents that no other page
// has (change); or contents that all guests of the scope have at the same time, and that are gone
// after a period (short_lived; to a class that comes from disk these come from there as well).
// `written` is the share of the class's pages that is, each period, at random places; `read` the
// share that is read, each period the same pages, from the class's first on: its working set.
//
// LIMIT: classes do not grow or shrink.

#include "base/rng.h"
#include "base/units.h"
#include "share/model/mechanism.h"
#include "share/model/memory.h"

#include <array>
#include <cstdint>
#include <string>

namespace brim::share::model {

enum class PageClass : std::uint8_t { kernel, libraries, page_cache, heap };
inline constexpr std::size_t kPageClasses = 4;
enum class Scope : std::uint8_t { family, version, instance };
enum class ClassWrites : std::uint8_t { none, rewrite, change, short_lived };

struct ClassShape {
  Pages pages{0};
  Pages distinct{0};  // 0: as many as pages
  Scope scope = Scope::instance;
  ClassWrites writes = ClassWrites::none;
  double written = 0;
  double read = 0;
  ModelTime period = std::chrono::seconds(10);
};

// Kernel and libraries are code, cached files are mapped read-only.
[[nodiscard]] PageUse use_of(PageClass page_class);

// The number of the block that holds a content of a class; blocks know which class they are of.
[[nodiscard]] Block block_of(PageClass page_class, Content content);
[[nodiscard]] PageClass class_of(Block block);

// How many of its pages' contents are distinct, in one guest.
[[nodiscard]] Pages distinct_pages(const ClassShape& shape);

struct GuestShape {
  std::string family;
  std::string version;
  Pages memory{0};
  Pages zero{0};
  std::array<ClassShape, kPageClasses> classes;  // by PageClass

  // What the classes and the zero pages leave.
  [[nodiscard]] Pages free() const;
  // What stands for the contents of a class in the guest of this number: guests that have the same
  // key have the same contents.
  [[nodiscard]] std::uint64_t contents_key(PageClass page_class, std::uint64_t number) const;
};

// Writes of guests, on their way to the memory; mechanisms that look at pages as they are made are
// told.
class GuestWriter {
 public:
  GuestWriter(SimulatedMemory& memory, Mechanism& mechanism)
      : memory_(memory), mechanism_(mechanism) {}

  void write(Page page, Content content) {
    const bool there = memory_.present(page);
    memory_.write(page, content);
    if (!there) [[unlikely]]
      mechanism_.allocated(page);
  }
  void read_block(Page page, Content content, PageClass page_class) {
    write(page, content);
    mechanism_.read_from_disk(page, block_of(page_class, content));
  }
  // For speed alone: the page is about to be written.
  void prefetch(Page page) const { memory_.prefetch(page); }
  void read(Page page) { memory_.touch(page); }
  void set_use(Page page, PageUse use) { memory_.set_use(page, use); }

 private:
  SimulatedMemory& memory_;
  Mechanism& mechanism_;
};

class Guest {
 public:
  // `number` is among all guests; `writer` must outlive it.
  Guest(GuestShape shape, SimulatedMemory::Range pages, std::uint64_t number, GuestWriter& writer,
        Rng rng);

  // All pages of its classes, and the zero pages.
  void boot();
  // What its classes have to write and read until then.
  void run(ModelTime until);

  [[nodiscard]] const GuestShape& shape() const { return shape_; }
  // Untouched after boot().
  [[nodiscard]] SimulatedMemory::Range free_pages() const { return free_; }
  [[nodiscard]] std::uint64_t number() const { return number_; }

 private:
  struct Region {
    SimulatedMemory::Range pages;
    std::uint64_t key = 0;  // of its contents
    ModelTime next{0};      // when it is written to and read again
    std::uint64_t periods = 0;
  };
  // A page of the class comes to hold this, from disk where the class is from there.
  void fill(PageClass page_class, Page page, Content content);
  void write_class(PageClass page_class, Region& region);
  void read_class(const ClassShape& shape, const Region& region);

  GuestShape shape_;
  std::uint64_t number_;
  GuestWriter& writer_;
  Rng rng_;
  std::array<Region, kPageClasses> regions_;
  SimulatedMemory::Range zero_;
  SimulatedMemory::Range free_;
  std::uint64_t changes_key_;
  std::uint64_t changes_ = 0;
};

// The content number `index` of those that `key` stands for: never zero, and by chance alone that
// of another (one in 2^64).
[[nodiscard]] Content content_of(std::uint64_t key, std::uint64_t index);
// What stands for a text: "debian/7.6/kernel".
[[nodiscard]] std::uint64_t content_key(std::string_view text);

}  // namespace brim::share::model
