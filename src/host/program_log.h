// SPDX-License-Identifier: Apache-2.0
#pragma once
// What a program that brim starts prints, to be told when it ends before its time. A memfd(2): it
// has no name in any file system, so that nothing is left of it. It grows with all that is printed.

#include "base/fd.h"
#include "base/result.h"

#include <string>

namespace brim::host {

class ProgramLog {
 public:
  [[nodiscard]] static Result<ProgramLog> create();

  // What ProgramStart::log is to be, as long as this process and this object live.
  [[nodiscard]] const std::string& name() const { return name_; }
  // The last line that is not empty; empty: none yet.
  [[nodiscard]] std::string last_line() const;

 private:
  explicit ProgramLog(Fd file);
  Fd file_;
  std::string name_;
};

}  // namespace brim::host
