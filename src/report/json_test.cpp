// SPDX-License-Identifier: Apache-2.0
#include "base/json_text.h"
#include "report/document.h"

#include <string>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace brim::report {
namespace {

TEST(Json, Is_the_documents_json_and_ends_in_a_newline) {
  Document document;
  document.json = {{"b", {1, 2}}, {"a", "é"}};
  const auto text = to_json(document);
  EXPECT_EQ(parse_json(text), document.json);
  EXPECT_EQ(text.substr(text.size() - 2), "}\n");
  EXPECT_NE(text.find("é"), std::string::npos);
}

TEST(Json, A_name_that_is_not_UTF8_loses_its_bad_bytes_and_nothing_else) {
  Document document;
  document.json = {{"name", "vm\xff\xc3"}, {"k\xfe", 7}};
  const auto read = parse_json(to_json(document)).value();
  EXPECT_EQ(read.at("name"), "vm\ufffd\ufffd");
  EXPECT_EQ(read.at("k\ufffd"), 7);
}

}  // namespace
}  // namespace brim::report
