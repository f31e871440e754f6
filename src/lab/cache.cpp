// SPDX-License-Identifier: Apache-2.0
#include "lab/cache.h"

#include "base/text.h"

#include <array>
#include <cerrno>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>

#include <fcntl.h>
#include <fmt/format.h>
#include <openssl/evp.h>
#include <sys/file.h>
#include <unistd.h>

namespace brim::lab {
namespace {

namespace fs = std::filesystem;

constexpr char kWorkName[] = "work";
constexpr std::size_t kDigestDigits = 64;

Error file_error(const std::error_code& error, std::string_view tried, std::string where) {
  return errno_error(error.value(), tried, std::move(where));
}

// On disk before the rename: a power cut must not leave a checksum file whose files are empty.
Result<void> sync_file(const std::string& path) {
  const Fd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file || ::fsync(file.get()) != 0) return fail(errno_error(errno, "sync", path));
  return {};
}

Result<void> write_whole_file(const std::string& path, const std::string& text) {
  const std::string temporary = path + ".new";
  std::ofstream file(temporary, std::ios::binary | std::ios::trunc);
  if (!(file << text << std::flush)) return fail(errno_error(errno, "write", temporary));
  file.close();
  BRIM_CHECK(sync_file(temporary));
  if (::rename(temporary.c_str(), path.c_str()) != 0)
    return fail(errno_error(errno, "rename", temporary));
  return {};
}

std::string text_of(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

Result<Artefact> artefact_of(std::string name, std::string path) {
  BRIM_TRY(std::string sha256, sha256_of_file(path));
  std::error_code error;
  const auto bytes = fs::file_size(path, error);
  if (error) return fail(file_error(error, "measure", std::move(path)));
  return Artefact{std::move(name), std::move(path), Bytes(bytes), std::move(sha256)};
}

struct Checksum {
  std::string sha256;
  std::string name;
};

// Lines of "64 digits, two spaces, name"; nothing where the text is anything else.
std::optional<std::vector<Checksum>> parse_checksums(std::string_view text) {
  std::vector<Checksum> checksums;
  if (text.empty() || !text.ends_with('\n')) return std::nullopt;
  for (const std::string_view line : split(text.substr(0, text.size() - 1), '\n')) {
    if (line.size() <= kDigestDigits + 2 || line.substr(kDigestDigits, 2) != "  ")
      return std::nullopt;
    const std::string_view name = line.substr(kDigestDigits + 2);
    if (name.find('/') != std::string_view::npos) return std::nullopt;
    checksums.push_back({std::string(line.substr(0, kDigestDigits)), std::string(name)});
  }
  return checksums;
}

std::string checksum_name(std::string_view step) { return fmt::format("{}.sha256", step); }
std::string inputs_name(std::string_view step) { return fmt::format("{}.inputs", step); }

}  // namespace

Result<std::string> sha256_of_file(const std::string& path) {
  const Fd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file) return fail(errno_error(errno, "open", path));
  const std::unique_ptr<EVP_MD_CTX, void (*)(EVP_MD_CTX*)> context(::EVP_MD_CTX_new(),
                                                                   ::EVP_MD_CTX_free);
  bool fine = ::EVP_DigestInit_ex(context.get(), ::EVP_sha256(), nullptr) == 1;
  std::vector<unsigned char> buffer(std::size_t{1} << 20);
  for (;;) {
    const ssize_t n = ::read(file.get(), buffer.data(), buffer.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return fail(errno_error(errno, "read", path));
    if (n == 0) break;
    fine =
        fine && ::EVP_DigestUpdate(context.get(), buffer.data(), static_cast<std::size_t>(n)) == 1;
  }
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned size = 0;
  if (!fine || ::EVP_DigestFinal_ex(context.get(), digest.data(), &size) != 1)
    return fail(ErrorCode::io, "libcrypto computes no SHA-256", path);
  std::string text;
  for (unsigned i = 0; i < size; ++i) text += fmt::format("{:02x}", digest[i]);
  return text;
}

Result<Cache> Cache::open_for_writing(const std::string& directory) {
  std::error_code error;
  fs::create_directories(directory, error);
  if (error) return fail(file_error(error, "create the cache folder", directory));
  BRIM_TRY(Cache cache, open_for_reading(directory));
  const std::string lock = cache.path("lock");
  cache.lock_ = Fd(::open(lock.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (!cache.lock_) return fail(errno_error(errno, "open the cache's lock", lock));
  if (::flock(cache.lock_.get(), LOCK_EX | LOCK_NB) != 0)
    return fail(ErrorCode::denied, "another brim is filling this cache; wait for it to end", lock);
  return cache;
}

Result<Cache> Cache::open_for_reading(const std::string& directory) {
  std::error_code error;
  Cache cache;
  // Absolute: programs run elsewhere are given its paths.
  cache.directory_ = fs::canonical(directory, error).string();
  if (error) return fail(file_error(error, "find the cache folder", directory));
  return cache;
}

std::string Cache::path(std::string_view name) const {
  return fmt::format("{}/{}", directory_, name);
}

Result<std::optional<std::vector<Artefact>>> Cache::find(
    std::string_view step, const std::optional<std::string>& inputs) const {
  const auto checksums = parse_checksums(text_of(path(checksum_name(step))));
  if (!checksums) return std::nullopt;
  std::vector<Artefact> artefacts;
  for (const Checksum& checksum : *checksums) {
    const auto artefact = artefact_of(checksum.name, path(checksum.name));
    if (!artefact && artefact.error().code == ErrorCode::missing) return std::nullopt;
    if (!artefact) return fail(artefact.error());
    if (artefact->sha256 != checksum.sha256) return std::nullopt;
    artefacts.push_back(*artefact);
  }
  if (inputs && text_of(path(inputs_name(step))) != *inputs) return std::nullopt;
  return artefacts;
}

Result<std::vector<Artefact>> Cache::keep(std::string_view step, const std::string& inputs,
                                          std::vector<MadeFile> files) {
  BRIM_ASSERT(lock_);
  // Without its checksums the step is not there, while its files change.
  ::unlink(path(checksum_name(step)).c_str());
  const std::string inputs_path = path(std::string(kWorkName) + "/" + inputs_name(step));
  BRIM_CHECK(write_whole_file(inputs_path, inputs));
  files.push_back({inputs_path, inputs_name(step)});
  std::vector<Artefact> artefacts;
  std::string checksums;
  for (const MadeFile& file : files) {
    BRIM_CHECK(sync_file(file.path));
    if (::rename(file.path.c_str(), path(file.name).c_str()) != 0)
      return fail(errno_error(errno, "rename", file.path));
    BRIM_TRY(Artefact artefact, artefact_of(file.name, path(file.name)));
    checksums += fmt::format("{}  {}\n", artefact.sha256, artefact.name);
    artefacts.push_back(std::move(artefact));
  }
  BRIM_CHECK(write_whole_file(path(checksum_name(step)), checksums));
  return artefacts;
}

Result<std::string> Cache::empty_work_directory() {
  BRIM_CHECK(delete_work_directory());
  std::string work = path(kWorkName);
  std::error_code error;
  fs::create_directory(work, error);
  if (error) return fail(file_error(error, "create the work folder", work));
  return work;
}

Result<void> Cache::delete_work_directory() {
  BRIM_ASSERT(lock_);
  std::error_code error;
  fs::remove_all(path(kWorkName), error);
  if (error) return fail(file_error(error, "delete the work folder", path(kWorkName)));
  return {};
}

}  // namespace brim::lab
