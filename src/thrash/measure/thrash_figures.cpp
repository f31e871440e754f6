// SPDX-License-Identifier: Apache-2.0
#include "thrash/measure/thrash_figures.h"

namespace brim::thrash {

ThrashFigures figures_of(const RunRecord& record) {
  ThrashFigures figures;
  figures.lateness.resize(record.consumers.size());
  for (std::size_t i = 0; i < record.consumers.size(); ++i) {
    const ConsumerRecord& consumer = record.consumers[i];
    figures.killed += consumer.killed ? 1 : 0;
    if (consumer.ended_seconds)
      figures.lateness[i] = *consumer.ended_seconds - consumer.due_seconds;
  }
  return figures;
}

void record(const ThrashFigures& figures, double t_seconds, const study::SampleSink& sink) {
  sink("thrash.consumers_killed", "", t_seconds, figures.killed);
}

}  // namespace brim::thrash
