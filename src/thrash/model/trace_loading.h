// SPDX-License-Identifier: Apache-2.0
#pragma once
// A whole trace, read and numbered (page_trace.h): 4 bytes a reference and about 20 a page.
//
// Where a format records when each page is referenced next (libCacheSim's oracleGeneral), what it
// says is held against what comes: as a place in the trace counted from 0 or from 1, or as a
// distance; all three are in use, and one of them must hold throughout. A next reference past the
// end is taken for that of a longer trace of which this one is the beginning.

#include "base/cancel.h"
#include "base/progress.h"
#include "base/result.h"
#include "image/trace.h"
#include "thrash/model/page_trace.h"

namespace brim::thrash::model {

// bad_input: what the reader says; a wrong next reference, at its place; too many pages.
[[nodiscard]] Result<PageTrace> load_trace(image::TraceReader& reader, Progress& progress,
                                           const Cancel& cancel);

}  // namespace brim::thrash::model
