// The program of the evaluator processes in tests. Its first argument says how it starts.
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <stdexcept>
#include <string>
#include <thread>

#include "evaluator_behaviour.hpp"
#include "hierevo/process/supervisor.hpp"
#include "hierevo/search/evaluation_server.hpp"
#include "protocol.hpp"

namespace {

using namespace hierevo;
using namespace hierevo::search;
using evolution::Evaluation;

void send(const std::vector<std::byte>& bytes) {
  static_cast<void>(::send(process::messages_descriptor, bytes.data(), bytes.size(), 0));
}

/// No messages, and messages that come out of turn.
void send_garbage(evolution::IndividualId id) {
  const evolution::IndividualId another{number(id) + 1};
  send({std::byte{1}});
  send(std::vector<std::byte>(60'000, std::byte{0xff}));
  std::vector<std::byte> cut = encode(Result{id, {}});
  cut.resize(cut.size() - 3);
  send(cut);
  send(encode(Stop{}));
  send(encode(Hello{}));
  send(encode(Hello{.program = {}, .host = {}, .data = {}, .error = "out of turn", .place = {}}));
  send(encode(Result{another, {}}));
  send(encode(ProgressReport{{{another, {}}}}));
}

void print_much() {
  const std::string chunk(1 << 20, '.');
  for (int i = 0; i < 10; ++i) std::fwrite(chunk.data(), 1, chunk.size(), stdout);
  std::fflush(stdout);
}

class TestEvaluator final : public Evaluator {
 public:
  std::optional<Evaluation> evaluate(const Work& work, const ProgressCallback& progress) override {
    const std::uint64_t id = number(work.candidate.id);
    switch (static_cast<Behaviour>(work.candidate.seed)) {
      case Behaviour::go_on_until_asked:
        for (std::int64_t step = 1; progress({1, step, 100, 0.5}); ++step) {
          std::this_thread::sleep_for(std::chrono::milliseconds(1));
        }
        return std::nullopt;
      case Behaviour::hang:
        while (true) ::pause();
      case Behaviour::crash:
        std::fputs("first line\nthe last straw\n\n", stderr);
        std::abort();
      case Behaviour::want_memory:
        ::_exit(process::out_of_memory_exit_code);
      case Behaviour::print_much:
        print_much();
        break;
      case Behaviour::print_on:
        while (progress({})) print_much();
        return std::nullopt;
      case Behaviour::send_garbage:
        send_garbage(work.candidate.id);
        break;
      case Behaviour::throw_error:
        throw std::runtime_error("cannot do it");
      case Behaviour::run_a_program:
        if (std::system("[ ! -e /proc/$$/fd/3 ]") != 0) throw std::runtime_error("open");
        break;
      case Behaviour::lose_device:
        throw EvaluatorLost("the GPU has failed");
      case Behaviour::out_of_bounds:
        return out_of_bounds(id);
      default:
        break;
    }
    Evaluation evaluation;
    evaluation.fitness = fitness_of(id);
    evaluation.worker = -1;  // not its business
    return evaluation;
  }
};

/// How it starts is in a file, so that it may start otherwise another time: "hang", "refuse",
/// "end", or a number that stands for the data it reads.
std::uint64_t data_as_told(EvaluationServer& server, const std::string& path) {
  std::string order;
  std::ifstream(path) >> order;
  while (order == "hang") ::pause();
  if (order == "refuse") server.ready(std::nullopt, "there are no data");
  if (order == "refuse") std::exit(0);
  if (order == "end") std::exit(7);
  return std::stoul(order);
}

}  // namespace

int main(int argc, char** argv) {
  const std::string how = argc > 1 ? argv[1] : "";
  if (how == "fail") {
    std::fputs("no such library\n", stderr);
    return 7;
  }
  EvaluationServer server;
  const auto setup = server.setup();
  if (!setup) return 0;
  if (how == "refuse") {
    server.ready(std::nullopt, "there are no data: " + *setup);
    return 0;
  }
  if (how == "as told") {
    server.ready(DataFacts{1, 7, data_as_told(server, *setup)}, "");
    TestEvaluator evaluator;
    server.serve(evaluator);
    return 0;
  }
  if (how == "memory") {
    server.ready(std::nullopt, "", std::stoll(*setup));
    TestEvaluator evaluator;
    server.serve(evaluator);
    return 0;
  }
  // A named pipe, which opens when the test opens it too.
  if (how == "wait") std::ifstream(*setup).get();
  server.ready(DataFacts{1, 7, setup->size()}, "");
  if (how == "end idle") return 0;
  TestEvaluator evaluator;
  try {
    server.serve(evaluator);
  } catch (const EvaluatorLost& lost) {
    std::fprintf(stderr, "%s\n", lost.what());
    return 4;
  }
}
