// SPDX-License-Identifier: Apache-2.0
#pragma once
// The folder that keeps what guests are made of: kernels, initramfs, root file systems.
//
// A step's files are made in a work folder and renamed to their place when all are whole; last
// comes STEP.sha256, in sha256sum's format, by which `sha256sum -c` checks them, too. A step is
// there when that file is, and every file it names has its checksum. STEP.inputs,
// one of them, says what it was made from: a step whose inputs are others now is made again.
// Whatever kills brim, a step is there whole or is made again; what was half made is deleted by the
// next writer.
//
// One writer at a time (flock on the file `lock`); readers need no lock. A folder may be copied to
// another machine.

#include "base/fd.h"
#include "base/result.h"
#include "base/units.h"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace brim::lab {

struct Artefact {
  std::string name;  // in the cache folder: "kernel-6.1.vmlinux"
  std::string path;
  Bytes bytes;
  std::string sha256;
};

// A file that a step made in the work folder.
struct MadeFile {
  std::string path;
  std::string name;
};

class Cache {
 public:
  // Creates the folder and takes the writer lock; `denied` while another brim holds it.
  [[nodiscard]] static Result<Cache> open_for_writing(const std::string& directory);
  // `missing` where there is no such folder.
  [[nodiscard]] static Result<Cache> open_for_reading(const std::string& directory);

  // The step's files with their checksums verified; nothing where it is not there, not whole, or
  // made from other inputs. Without `inputs` any will do.
  [[nodiscard]] Result<std::optional<std::vector<Artefact>>> find(
      std::string_view step, const std::optional<std::string>& inputs) const;
  // Puts the files in their place. Only for a writer.
  [[nodiscard]] Result<std::vector<Artefact>> keep(std::string_view step, const std::string& inputs,
                                                   std::vector<MadeFile> files);

  // An empty folder to make a step in; the one before is deleted. Only for a writer.
  [[nodiscard]] Result<std::string> empty_work_directory();
  [[nodiscard]] Result<void> delete_work_directory();

  [[nodiscard]] const std::string& directory() const { return directory_; }
  [[nodiscard]] std::string path(std::string_view name) const;

 private:
  Cache() = default;
  std::string directory_;
  Fd lock_;
};

// Of a file, as 64 hexadecimal digits.
[[nodiscard]] Result<std::string> sha256_of_file(const std::string& path);

}  // namespace brim::lab
