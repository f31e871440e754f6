// SPDX-License-Identifier: Apache-2.0
// Real dumps of a real QEMU guest, in every format that this QEMU writes: known bytes are planted
// in the RAM of a guest that is never started, dumped, read back, and held against each other and
// against pmemsave's raw image. Needs qemu-system-x86_64 (TCG, no KVM); skipped without, except
// under CI=true, where that is a failure.

#include "base/fd.h"
#include "base/rng.h"
#include "image/ram_image.h"

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <string>
#include <thread>
#include <vector>

#include <fcntl.h>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

namespace brim::image {
namespace {

constexpr std::uint64_t kRamSize = std::uint64_t{64} << 20;
constexpr std::uint64_t kPlantedAt = 0x1000000;
constexpr std::uint64_t kPlantedSize = (std::uint64_t{4} << 20) + 5 * kPageSize;
constexpr const char* kQemu = "qemu-system-x86_64";

bool on_path(const std::string& program) {
  const char* path = std::getenv("PATH");
  const std::string folders = path != nullptr ? path : "";
  for (std::size_t at = 0; at <= folders.size();) {
    const std::size_t end = std::min(folders.find(':', at), folders.size());
    if (::access((folders.substr(at, end - at) + "/" + program).c_str(), X_OK) == 0) return true;
    at = end + 1;
  }
  return false;
}

// A stopped guest with a QMP socket, in a folder of its own; both are gone at the end.
class StoppedGuest {
 public:
  StoppedGuest() : folder_(::testing::TempDir() + "brim-qemu-XXXXXX") {
    EXPECT_NE(::mkdtemp(folder_.data()), nullptr);
  }
  ~StoppedGuest() {
    if (pid_ > 0) {
      ::kill(pid_, SIGKILL);
      ::waitpid(pid_, nullptr, 0);
    }
    std::filesystem::remove_all(folder_);
  }
  StoppedGuest(const StoppedGuest&) = delete;
  StoppedGuest& operator=(const StoppedGuest&) = delete;

  [[nodiscard]] std::string file(const std::string& name) const { return folder_ + "/" + name; }

  void start(const std::vector<std::byte>& planted) {
    std::ofstream(file("planted"), std::ios::binary)
        .write(reinterpret_cast<const char*>(planted.data()),
               static_cast<std::streamsize>(planted.size()));
    std::vector<std::string> words = {
        kQemu,
        "-accel",
        "tcg,tb-size=32",
        "-machine",
        "pc",
        "-m",
        "64",
        "-nodefaults",
        "-display",
        "none",
        "-S",
        "-qmp",
        fmt::format("unix:{},server=on,wait=off", file("qmp")),
        "-device",
        fmt::format("loader,file={},addr={:#x},force-raw=on", file("planted"), kPlantedAt)};
    std::vector<char*> arguments;
    arguments.reserve(words.size() + 1);
    for (std::string& word : words) arguments.push_back(word.data());
    arguments.push_back(nullptr);
    ASSERT_EQ(::posix_spawnp(&pid_, kQemu, nullptr, nullptr, arguments.data(), environ), 0);
    connect();
  }

  // Sends one command and gives its answer, events left out.
  std::string command(const std::string& line) {
    EXPECT_EQ(::send(socket_.get(), line.data(), line.size(), MSG_NOSIGNAL),
              static_cast<ssize_t>(line.size()));
    while (true) {
      std::string answer = next_line();
      if (answer.empty() || answer.find("\"event\"") == std::string::npos) return answer;
    }
  }

 private:
  void connect() {
    sockaddr_un address = {};
    address.sun_family = AF_UNIX;
    file("qmp").copy(address.sun_path, sizeof(address.sun_path) - 1);
    socket_ = Fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(60);
    while (::connect(socket_.get(), reinterpret_cast<sockaddr*>(&address), sizeof(address)) != 0) {
      ASSERT_EQ(::waitpid(pid_, nullptr, WNOHANG), 0) << "QEMU ended at once";
      ASSERT_LT(std::chrono::steady_clock::now(), deadline) << "no QMP socket";
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
    ASSERT_NE(next_line().find("QMP"), std::string::npos);
    ASSERT_NE(command(R"({"execute":"qmp_capabilities"})").find("return"), std::string::npos);
  }

  std::string next_line() {
    while (received_.find('\n') == std::string::npos) {
      pollfd waiting = {socket_.get(), POLLIN, 0};
      char bytes[4096];
      const ssize_t got =
          ::poll(&waiting, 1, 60000) == 1 ? ::recv(socket_.get(), bytes, sizeof(bytes), 0) : 0;
      if (got <= 0) {
        ADD_FAILURE() << "no answer from QEMU";
        return {};
      }
      received_.append(bytes, static_cast<std::size_t>(got));
    }
    const std::size_t end = received_.find('\n');
    std::string line = received_.substr(0, end);
    received_.erase(0, end + 1);
    return line;
  }

  std::string folder_;
  pid_t pid_ = -1;
  Fd socket_;
  std::string received_;
};

using PageMap = std::map<std::uint64_t, std::vector<std::byte>>;

// Every page of an image below the size of RAM, in uneven steps.
PageMap pages_of(const RamImage& image) {
  PageMap pages;
  Scratch scratch;
  std::vector<GuestFrame> unavailable;
  for (const Extent& extent : image.extents()) {
    for (std::uint64_t done = 0; done < extent.count.count(); done += 300) {
      const Pages count(std::min<std::uint64_t>(300, extent.count.count() - done));
      const auto read = image.read(extent.first + done, count, scratch, unavailable);
      EXPECT_TRUE(read) << (read ? "" : error_line(read.error()));
      if (!read) return pages;
      for (std::uint64_t i = 0; i < count.count(); ++i) {
        const auto page = read->subspan(i * kPageSize, kPageSize);
        pages.emplace((extent.first + done + i).number(),
                      std::vector<std::byte>(page.begin(), page.end()));
      }
    }
  }
  EXPECT_TRUE(unavailable.empty());
  EXPECT_TRUE(image.check_intact());
  return pages;
}

void expect_planted(const PageMap& pages, const std::vector<std::byte>& planted) {
  for (std::uint64_t at = 0; at < planted.size(); at += kPageSize) {
    const auto page = pages.find((kPlantedAt + at) / kPageSize);
    ASSERT_NE(page, pages.end()) << at;
    EXPECT_TRUE(std::equal(page->second.begin(), page->second.end(),
                           planted.begin() + static_cast<std::ptrdiff_t>(at)))
        << at;
  }
}

// Random pages, zero pages and repeated ones: what compression and dumps treat apart.
std::vector<std::byte> planted_bytes() {
  Rng rng(20);
  std::vector<std::byte> bytes(kPlantedSize);
  for (std::uint64_t at = 0; at < kPlantedSize; at += kPageSize) {
    const std::uint64_t kind = rng.below(3);
    if (kind == 0) continue;
    const auto fill = static_cast<std::byte>(rng.next());
    for (std::uint64_t i = 0; i < kPageSize; ++i)
      bytes[at + i] = kind == 1 ? fill : static_cast<std::byte>(rng.next());
  }
  return bytes;
}

struct DumpFormat {
  const char* name;
  const char* arguments;
  ImageFormat format;
};
const DumpFormat kDumpFormats[] = {
    {"elf", R"("paging":false)", ImageFormat::elf},
    {"elf with paging", R"("paging":true)", ImageFormat::elf},
    {"kdump-zlib", R"("paging":false,"format":"kdump-zlib")", ImageFormat::kdump},
    {"kdump-lzo", R"("paging":false,"format":"kdump-lzo")", ImageFormat::kdump},
    {"kdump-snappy", R"("paging":false,"format":"kdump-snappy")", ImageFormat::kdump},
    {"kdump-raw-zlib", R"("paging":false,"format":"kdump-raw-zlib")", ImageFormat::kdump},
};

void expect_dump(StoppedGuest& guest, const DumpFormat& format,
                 const std::vector<std::byte>& planted, PageMap& reference) {
  const std::string path = guest.file(format.name);
  const std::string answer = guest.command(
      fmt::format(R"({{"execute":"dump-guest-memory","arguments":{{"protocol":"file:{}",{}}}}})",
                  path, format.arguments));
  if (answer.find("\"error\"") != std::string::npos) {
    // Only what a build may lack is excused: QEMU always has these.
    EXPECT_FALSE(format.format == ImageFormat::elf || format.name == std::string("kdump-zlib"))
        << answer;
    std::printf("not in this QEMU: %s: %s\n", format.name, answer.c_str());
    return;
  }
  const auto image = open_ram_image(path);
  ASSERT_TRUE(image) << error_line(image.error());
  EXPECT_EQ((*image)->format(), format.format);
  const PageMap pages = pages_of(**image);
  expect_planted(pages, planted);
  for (const auto& [frame, page] : pages) {
    const auto known = reference.emplace(frame, page).first;
    EXPECT_EQ(known->second == page, true) << "frame " << frame << " differs between formats";
  }
  EXPECT_GE(pages.size(), kRamSize / kPageSize - 128) << "all of RAM, but the hole of legacy video";
  std::printf("%s: %zu pages, %zu extents, flattened %d\n", format.name, pages.size(),
              (*image)->extents().size(), (*image)->was_flattened() ? 1 : 0);
}

TEST(ImageOfQemu, Every_format_of_dump_holds_the_bytes_planted_in_guest_RAM) {
  if (!on_path(kQemu)) {
    const char* ci = std::getenv("CI");
    ASSERT_FALSE(ci != nullptr && std::string(ci) == "true") << kQemu << " is missing";
    GTEST_SKIP() << kQemu << " is missing; install qemu-system-x86";
  }
  const std::vector<std::byte> planted = planted_bytes();
  StoppedGuest guest;
  ASSERT_NO_FATAL_FAILURE(guest.start(planted));

  const std::string raw = guest.file("raw");
  const std::string answer = guest.command(
      fmt::format(R"({{"execute":"pmemsave","arguments":{{"val":0,"size":{},"filename":"{}"}}}})",
                  kRamSize, raw));
  ASSERT_NE(answer.find("return"), std::string::npos) << answer;
  const auto image = open_ram_image(raw);
  ASSERT_TRUE(image) << error_line(image.error());
  EXPECT_EQ((*image)->format(), ImageFormat::raw);
  PageMap planted_range;
  for (const auto& [frame, page] : pages_of(**image))
    if (frame >= 256) planted_range.emplace(frame, page);  // below 1 MiB ROMs shadow RAM
  expect_planted(planted_range, planted);

  PageMap reference = planted_range;
  for (const DumpFormat& format : kDumpFormats) {
    SCOPED_TRACE(format.name);
    expect_dump(guest, format, planted, reference);
  }
}

}  // namespace
}  // namespace brim::image
