// SPDX-License-Identifier: Apache-2.0
// brim_report_sample FILE.html [odd]: writes the sample document.
#include "report/sample/sample_document.h"

#include <cstdio>
#include <fstream>
#include <string_view>

int main(int argc, char** argv) {
  if (argc < 2 || argc > 3) {
    std::fputs("usage: brim_report_sample FILE.html [odd]\n", stderr);
    return 2;
  }
  const bool odd = argc == 3 && std::string_view(argv[2]) == "odd";
  std::ofstream file(argv[1], std::ios::binary);
  file << brim::report::to_html(odd ? brim::report::odd_document()
                                    : brim::report::sample_document());
  file.close();
  if (!file) std::fprintf(stderr, "%s: can't be written\n", argv[1]);
  return file ? 0 : 2;
}
