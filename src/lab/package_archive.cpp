// SPDX-License-Identifier: Apache-2.0
#include "lab/package_archive.h"

#include "base/text.h"
#include "host/child.h"

#include <cerrno>
#include <filesystem>
#include <fstream>

#include <fmt/format.h>

namespace brim::lab {
namespace {

namespace fs = std::filesystem;
using std::chrono::minutes;

constexpr char kKeys[] = "/usr/share/keyrings/debian-archive-keyring.gpg";

// The host's proxies, as apt would print them; nothing where it has none.
std::string proxies() {
  const auto text = host::run_program({"apt-config", "dump"}, std::chrono::seconds(10));
  std::string lines;
  if (!text) return lines;
  for (const std::string_view line : split(*text, '\n'))
    if (line.starts_with("Acquire::http::Proxy") || line.starts_with("Acquire::https::Proxy"))
      lines += std::string(line) + "\n";
  return lines;
}

std::string configuration_text(const std::string& directory) {
  return fmt::format(R"(Dir::Etc::Main "/dev/null";
Dir::Etc::Parts "{0}/none";
Dir::Etc::Preferences "/dev/null";
Dir::Etc::PreferencesParts "{0}/none";
Dir::Etc::SourceList "/dev/null";
Dir::Etc::SourceParts "{0}/sources";
Dir::State "{0}/state";
Dir::State::Lists "{0}/lists";
Dir::State::Status "/dev/null";
Dir::Cache "{0}/cache";
APT::Architecture "amd64";
APT::Architectures {{ "amd64"; }};
APT::Sandbox::User "";
APT::Update::Error-Mode "any";
Acquire::Languages "none";
Acquire::Retries "2";
)",
                     directory);
}

std::string sources_text(const std::string& mirror) {
  const auto paragraph = [](std::string_view from, std::string_view suites) {
    return fmt::format("Types: deb\nURIs: {}\nSuites: {}\nComponents: main\nSigned-By: {}\n\n",
                       from, suites, kKeys);
  };
  return paragraph(mirror, "bookworm bookworm-updates bookworm-backports") +
         paragraph(kDebianSecurity, "bookworm-security");
}

Result<void> write_configuration_file(const std::string& path, const std::string& text) {
  std::ofstream file(path, std::ios::trunc);
  if (!(file << text << std::flush)) return fail(errno_error(errno, "write", path));
  return {};
}

}  // namespace

std::string dependency_in(std::string_view text, std::string_view prefix) {
  for (const std::string_view line : split(text, '\n')) {
    std::string_view rest = trim(line);
    constexpr std::string_view kDepends = "Depends: ";
    if (!rest.starts_with(kDepends)) continue;
    rest.remove_prefix(kDepends.size());
    if (rest.starts_with(prefix)) return std::string(rest);
  }
  return {};
}

Result<PackageArchive> PackageArchive::create(const std::string& directory,
                                              const std::string& mirror) {
  if (!fs::exists(kKeys))
    return fail(ErrorCode::missing, "no keys of Debian's archive; install debian-archive-keyring",
                kKeys);
  std::error_code error;
  for (const char* name : {"none", "sources", "state", "lists/partial", "cache/archives/partial"})
    fs::create_directories(directory + "/" + name, error);
  if (error) return fail(errno_error(error.value(), "create folders for apt", directory));
  PackageArchive archive;
  archive.configuration_ = directory + "/apt.conf";
  archive.mirror_ = mirror;
  BRIM_CHECK(
      write_configuration_file(archive.configuration_, configuration_text(directory) + proxies()));
  BRIM_CHECK(write_configuration_file(directory + "/sources/debian.sources", sources_text(mirror)));
  return archive;
}

Result<std::string> PackageArchive::apt(const Workshop& workshop,
                                        std::vector<std::string> arguments) const {
  std::vector<std::string> words = {"env", "APT_CONFIG=" + configuration_, "LC_ALL=C"};
  words.insert(words.end(), arguments.begin(), arguments.end());
  auto text = workshop.run(words, minutes(20));
  if (!text) text.error().where = arguments[0];
  return text;
}

Result<void> PackageArchive::update(const Workshop& workshop) {
  if (updated_) return {};
  auto done = apt(workshop, {"apt-get", "-q", "update"});
  if (!done)
    return fail(ErrorCode::missing, "the package archive can't be read: " + done.error().what,
                mirror_);
  updated_ = true;
  return {};
}

Result<std::string> PackageArchive::dependency_of(const Workshop& workshop,
                                                  const std::string& package,
                                                  const std::string& suite,
                                                  const std::string& prefix) const {
  BRIM_TRY(const std::string text,
           apt(workshop, {"apt-cache", "depends",
                          suite.empty() ? package : fmt::format("{}/{}", package, suite)}));
  std::string found = dependency_in(text, prefix);
  if (found.empty())
    return fail(ErrorCode::missing, fmt::format("{} depends on no {}*", package, prefix), mirror_);
  return found;
}

Result<std::string> PackageArchive::unpack(const Workshop& workshop, const std::string& package,
                                           const std::string& to) const {
  const Workshop store(workshop.path("packages"));
  std::error_code error;
  fs::remove_all(store.directory(), error);
  fs::create_directories(store.directory(), error);
  if (error) return fail(errno_error(error.value(), "create", store.directory()));
  auto fetched = apt(store, {"apt-get", "-q", "download", package});
  if (!fetched)
    return fail(ErrorCode::missing,
                fmt::format("{} can't be fetched: {}", package, fetched.error().what), mirror_);
  for (const auto& item : fs::directory_iterator(store.directory(), error)) {
    if (item.path().extension() != ".deb") continue;
    BRIM_CHECK(
        workshop.run({"dpkg-deb", "-x", item.path().string(), workshop.path(to)}, minutes(10)));
    return item.path().filename().string();
  }
  return fail(ErrorCode::io, fmt::format("apt-get brought no file of {}", package), mirror_);
}

}  // namespace brim::lab
