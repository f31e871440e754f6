// SPDX-License-Identifier: Apache-2.0
#include "cli/interrupt.h"

#include <csignal>

namespace brim::cli {
namespace {

Cancel g_cancel;  // NOLINT(readability-identifier-naming): set by the signal handler

void on_signal(int signal) {
  g_cancel.request();
  std::signal(signal, SIG_DFL);
}

}  // namespace

StopOnSignal::StopOnSignal() {
  std::signal(SIGINT, on_signal);
  std::signal(SIGTERM, on_signal);
}

StopOnSignal::~StopOnSignal() {
  std::signal(SIGINT, SIG_DFL);
  std::signal(SIGTERM, SIG_DFL);
}

// A member, so that nobody asks without having installed the handler.
const Cancel& StopOnSignal::cancel()
    const {  // NOLINT(readability-convert-member-functions-to-static)
  return g_cancel;
}

}  // namespace brim::cli
