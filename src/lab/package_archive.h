// SPDX-License-Identifier: Apache-2.0
#pragma once
// Debian's packages, through apt with a configuration, lists and status of brim's own: nothing is
// installed, and nothing of the host's apt is read or changed but its proxies and Debian's keys.
// apt checks every package against the signed lists. Needs Debian's archive keys, not Debian.

#include "base/result.h"
#include "lab/workshop.h"

#include <string>
#include <string_view>

namespace brim::lab {

inline constexpr std::string_view kDebianMirror = "http://deb.debian.org/debian";
inline constexpr std::string_view kDebianSecurity = "http://deb.debian.org/debian-security";
inline constexpr std::string_view kBackports = "bookworm-backports";

class PackageArchive {
 public:
  // Writes the configuration below `directory`, which must exist. Fetches nothing.
  [[nodiscard]] static Result<PackageArchive> create(const std::string& directory,
                                                     const std::string& mirror);

  // Fetches the lists, once. `missing` where the network or the mirror is.
  [[nodiscard]] Result<void> update(const Workshop& workshop);
  // The package that a meta package stands for: its dependency that begins with `prefix`. Without
  // a suite that of the newest version outside backports.
  [[nodiscard]] Result<std::string> dependency_of(const Workshop& workshop,
                                                  const std::string& package,
                                                  const std::string& suite,
                                                  const std::string& prefix) const;
  // Fetches the newest version of a package and unpacks it into the workshop's folder `to`.
  // Gives the package file's name, which holds its version.
  [[nodiscard]] Result<std::string> unpack(const Workshop& workshop, const std::string& package,
                                           const std::string& to) const;

 private:
  PackageArchive() = default;
  [[nodiscard]] Result<std::string> apt(const Workshop& workshop,
                                        std::vector<std::string> arguments) const;
  std::string configuration_;
  std::string mirror_;
  bool updated_ = false;
};

// Of `apt-cache depends`: the first "Depends: NAME" with this prefix. Pure.
[[nodiscard]] std::string dependency_in(std::string_view text, std::string_view prefix);

}  // namespace brim::lab
