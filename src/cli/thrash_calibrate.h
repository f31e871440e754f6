// SPDX-License-Identifier: Apache-2.0
#pragma once
// brim thrash calibrate.

namespace CLI {
class App;
}  // namespace CLI

namespace brim::cli {

struct Session;

void add_thrash_calibrate(CLI::App& area, Session& session);

}  // namespace brim::cli
