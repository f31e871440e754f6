// SPDX-License-Identifier: Apache-2.0
#pragma once
// brim thrash replay: a trace of references under page-replacement policies.

namespace CLI {
class App;
}  // namespace CLI

namespace brim::cli {

struct Session;

void add_thrash_replay(CLI::App& area, Session& session);

}  // namespace brim::cli
