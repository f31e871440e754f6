// SPDX-License-Identifier: Apache-2.0
// brim-agent: the first process of a lab guest (pid 1), where it serves requests on its port; or,
// as a process of the host, `brim-agent --load LOAD [--mergeable] [--progress FILE]`, a load that
// runs until it is killed and says on standard output, as one JSON line, when its memory is filled.
// FILE then holds its LoadProgress, for whoever maps it. `brim-agent --consumer TEXT --shared NAME`
// is a consumer of memory (consumer.h), `--consumer-program JSON --shared NAME` one that is a
// user's program (consumer_program.h), `--probe TEXT --shared NAME` a probe (probe.h), which starts
// `--nothing`: a program that only ends.
#include "base/json_text.h"
#include "host/shared_memory.h"
#include "lab/agent/consumer.h"
#include "lab/agent/consumer_program.h"
#include "lab/agent/guest_init.h"
#include "lab/agent/load_process.h"
#include "lab/agent/probe.h"
#include "lab/agent/service.h"

#include <cerrno>
#include <cstdio>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include <fcntl.h>
#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <sys/prctl.h>
#include <unistd.h>

namespace {

using brim::lab::Mergeable;

constexpr std::size_t kLongestLine = 65536;

bool send(int port, std::string line) {
  line += '\n';
  for (std::size_t done = 0; done < line.size();) {
    const ssize_t n = ::write(port, line.data() + done, line.size() - done);
    if (n < 0 && errno != EINTR) return false;
    if (n > 0) done += static_cast<std::size_t>(n);
  }
  return true;
}

// Answers every whole line that is there; false once the guest is to end.
bool answer_lines(brim::lab::Service& service, std::string& received, int port) {
  for (std::size_t end = received.find('\n'); end != std::string::npos; end = received.find('\n')) {
    const std::string line = received.substr(0, end);
    received.erase(0, end + 1);
    static_cast<void>(send(port, service.answer(line)));
    if (service.shutting_down()) return false;
  }
  if (received.size() > kLongestLine) received.clear();
  return true;
}

void serve(int port, brim::lab::Service& service) {
  constexpr useconds_t kPauseMicroseconds = 20000;
  std::string received;
  for (;;) {
    char bytes[4096];
    const ssize_t n = ::read(port, bytes, sizeof bytes);
    if (n > 0) {
      received.append(bytes, static_cast<std::size_t>(n));
      if (!answer_lines(service, received, port)) return;
    } else {
      // Nobody is at the other end: what he began to say is void.
      received.clear();
      ::usleep(kPauseMicroseconds);
    }
  }
}

[[noreturn]] void run_guest() {
  const std::vector<std::string> problems = brim::lab::prepare_guest();
  for (const std::string& problem : problems)
    std::fprintf(stderr, "brim-agent: %s\n", problem.c_str());
  const auto port = brim::lab::open_agent_port();
  if (port) {
    brim::lab::Service service(problems);
    serve(port->get(), service);
  } else {
    std::fprintf(stderr, "brim-agent: %s\n", brim::error_line(port.error()).c_str());
  }
  brim::lab::reset_guest();
}

void tell(const brim::Error& error) {
  std::fprintf(stderr, "brim-agent: %s\n", brim::error_line(error).c_str());
}

struct Arguments {
  std::string load;
  Mergeable mergeable = Mergeable::no;
  std::string progress;  // a file's path, or nothing
};

std::optional<Arguments> parse_arguments(std::span<char*> given) {
  Arguments arguments;
  for (std::size_t i = 0; i < given.size(); ++i) {
    const std::string_view name = given[i];
    if (name == "--mergeable") {
      arguments.mergeable = Mergeable::yes;
    } else if ((name == "--load" || name == "--progress") && i + 1 < given.size()) {
      (name == "--load" ? arguments.load : arguments.progress) = given[++i];
    } else {
      return std::nullopt;
    }
  }
  if (arguments.load.empty()) return std::nullopt;
  return arguments;
}

int run_as_process(const Arguments& arguments) {
  const auto load = brim::lab::parse_load(arguments.load);
  if (!load) {
    tell(load.error());
    return 2;
  }
  if (load->kind != brim::lab::LoadKind::synthetic) {
    std::fprintf(stderr, "brim-agent: a load of programs runs in a guest only\n");
    return 2;
  }
  brim::lab::LoadProgress unwatched;
  std::optional<brim::lab::ProgressFile> watched;
  if (!arguments.progress.empty()) {
    auto file = brim::lab::ProgressFile::open(arguments.progress);
    if (!file) {
      tell(file.error());
      return 3;
    }
    watched.emplace(std::move(*file));
  }
  brim::lab::LoadProgress& progress = watched ? watched->progress() : unwatched;
  const brim::Error error = brim::lab::run_load(*load, arguments.mergeable, progress, [&load] {
    const nlohmann::json line = {
        {"event", "filled"}, {"load", brim::lab::format_load(*load)}, {"pid", ::getpid()}};
    std::printf("%s\n", brim::json_line(line).c_str());
    (void)std::fflush(stdout);
  });
  tell(error);
  return 3;
}

using brim::host::SharedMemory;

// "--consumer TEXT --shared NAME"; nothing for other arguments.
std::optional<std::pair<std::string, std::string>> text_and_name(std::span<char*> given,
                                                                 std::string_view role) {
  if (given.size() != 4 || given[0] != role || given[2] != std::string_view("--shared"))
    return std::nullopt;
  return std::pair<std::string, std::string>(given[1], given[3]);
}

int consume(const std::string& text, const std::string& name) {
  const auto load = brim::lab::parse_consumer(text);
  const auto shared = SharedMemory::open(name, sizeof(brim::lab::ConsumerPage));
  if (!load || !shared) {
    tell(load ? shared.error() : load.error());
    return 2;
  }
  const auto done =
      brim::lab::run_consumer(*load, *static_cast<brim::lab::ConsumerPage*>(shared->data()));
  if (!done) tell(done.error());
  return done ? 0 : 3;
}

int consume_by_program(const std::string& text, const std::string& name) {
  const auto program = brim::lab::parse_consumer_program(text);
  const auto shared = SharedMemory::open(name, sizeof(brim::lab::ConsumerPage));
  if (!program || !shared) {
    tell(program ? shared.error() : program.error());
    return 2;
  }
  const auto done = brim::lab::run_consumer_program(
      *program, *static_cast<brim::lab::ConsumerPage*>(shared->data()));
  if (!done) tell(done.error());
  return done ? 0 : 3;
}

int probe(const std::string& text, const std::string& name) {
  const auto task = brim::lab::parse_probe(text);
  const auto shared = SharedMemory::open(name, sizeof(brim::lab::ProbePage));
  if (!task || !shared) {
    tell(task ? shared.error() : task.error());
    return 2;
  }
  // As which whoever freezes processes can spare it.
  ::prctl(PR_SET_NAME, "brim-probe");
  tell(brim::lab::run_probe(*task, *static_cast<brim::lab::ProbePage*>(shared->data())));
  return 3;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc == 1 && ::getpid() == 1) run_guest();
  if (argc == 2 && argv[1] == std::string_view("--nothing")) return 0;
  const auto given = std::span(argv, static_cast<std::size_t>(argc)).subspan(1);
  if (const auto what = text_and_name(given, "--consumer"))
    return consume(what->first, what->second);
  if (const auto what = text_and_name(given, "--consumer-program"))
    return consume_by_program(what->first, what->second);
  if (const auto what = text_and_name(given, "--probe")) return probe(what->first, what->second);
  const auto arguments = parse_arguments(given);
  if (arguments) return run_as_process(*arguments);
  std::fputs(
      "usage: brim-agent --load LOAD [--mergeable] [--progress FILE]\n"
      "       brim-agent --consumer TEXT --shared NAME | --consumer-program JSON --shared NAME\n"
      "       brim-agent --probe TEXT --shared NAME | --nothing\n"
      "or as init of a lab guest\n",
      stderr);
  return 2;
}
