// The cost of evaluating candidates in separate processes.
//
//   round_trip          an empty evaluation, from begin() to its result: what evaluator processes
//                       add to every candidate
//   start_to_ready      from the order to start one until it says that it is ready; without what a
//                       real one reads first
//   kill_to_crash       from a kill -9 of one that evaluates until its candidate has crashed
//
// Times are of wall clock. The counters median_us, p99_us and fastest_us are of single ones, in
// microseconds, and say more than the mean where other programs run. --benchmark_format=json
// prints JSON. Each result is checked. The program that evaluates is this one too.
#include <benchmark/benchmark.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <exception>
#include <filesystem>
#include <string_view>
#include <vector>

#include "hierevo/core/error.hpp"
#include "hierevo/genome/mutation.hpp"
#include "hierevo/search/evaluation_server.hpp"
#include "hierevo/search/evaluator_pool.hpp"

namespace hierevo {
namespace {

using namespace search;
using Clock = std::chrono::steady_clock;

constexpr std::uint64_t hangs = 2;  // the seed of a candidate that does

Work work(std::uint64_t id, std::uint64_t seed = 1) {
  core::RandomStream random(1);
  return {{evolution::IndividualId{id}, std::nullopt, seed,
           genome::random_genotype(genome::SearchSpace::hierarchical(), random)}};
}

class EmptyEvaluator final : public Evaluator {
 public:
  std::optional<evolution::Evaluation> evaluate(const Work& work,
                                                const ProgressCallback& progress) override {
    if (work.candidate.seed == hangs) {
      progress({0, ::getpid(), 0, 0.0});
      while (true) ::pause();
    }
    evolution::Evaluation evaluation;
    evaluation.fitness = static_cast<double>(number(work.candidate.id));
    return evaluation;
  }
};

int evaluate() {
  EvaluationServer server;
  if (!server.setup()) return 0;
  server.ready(std::nullopt, "");
  EmptyEvaluator evaluator;
  server.serve(evaluator);
  return 0;
}

std::unique_ptr<Evaluators> start(process::Supervisor& supervisor) {
  EvaluatorPoolOptions options;
  const std::string program = std::filesystem::read_symlink("/proc/self/exe").string();
  options.evaluators.resize(1);
  options.evaluators[0].order.command = {program, "evaluator"};
  return make_evaluator_pool(supervisor, std::move(options));
}

/// Waits for it as a rank does. Another kind is an error.
template <typename Kind>
Kind next(Evaluators& evaluators) {
  while (true) {
    if (const auto event = evaluators.next()) return std::get<Kind>(*event);
    pollfd wanted{evaluators.descriptor(), POLLIN, 0};
    ::poll(&wanted, 1, -1);
  }
}

void require(bool sound, const char* what) {
  if (!sound) throw core::InternalError(what);
}

void expect_ready(Evaluators& evaluators) {
  require(next<Evaluators::Ready>(evaluators).error.empty(), "An evaluator did not start");
}

void evaluate_one(Evaluators& evaluators, const Work& work) {
  evaluators.begin(work);
  const auto end = next<Evaluators::Ended>(evaluators);
  const bool sound = end.id == work.candidate.id && end.evaluation &&
                     end.evaluation->fitness == static_cast<double>(number(end.id));
  require(sound, "An evaluation gave another result");
}

/// Single times, and what is reported about them.
class Times {
 public:
  explicit Times(benchmark::State& state) : state_(state) {}

  void add(Clock::time_point since) {
    const std::chrono::duration<double> time = Clock::now() - since;
    state_.SetIterationTime(time.count());
    microseconds_.push_back(time.count() * 1e6);
  }
  void tell() {
    std::sort(microseconds_.begin(), microseconds_.end());
    const std::size_t count = microseconds_.size();
    state_.counters["fastest_us"] = microseconds_.front();
    state_.counters["median_us"] = microseconds_[count / 2];
    state_.counters["p99_us"] = microseconds_[count * 99 / 100];
  }

 private:
  benchmark::State& state_;
  std::vector<double> microseconds_;
};

void round_trip(benchmark::State& state) {
  process::Supervisor supervisor;
  const auto evaluators = start(supervisor);
  expect_ready(*evaluators);
  Times times(state);
  Work next_work = work(1);
  for (auto step : state) {
    const auto since = Clock::now();
    evaluate_one(*evaluators, next_work);
    times.add(since);
    next_work.candidate.id = evolution::IndividualId{number(next_work.candidate.id) + 1};
  }
  times.tell();
}
BENCHMARK(round_trip)->UseManualTime()->Unit(benchmark::kMicrosecond);

void start_to_ready(benchmark::State& state) {
  process::Supervisor supervisor;
  Times times(state);
  for (auto step : state) {
    const auto since = Clock::now();
    const auto evaluators = start(supervisor);
    expect_ready(*evaluators);
    times.add(since);
    evaluate_one(*evaluators, work(1));
  }
  times.tell();
}
BENCHMARK(start_to_ready)->UseManualTime()->Unit(benchmark::kMicrosecond);

void kill_to_crash(benchmark::State& state) {
  process::Supervisor supervisor;
  const auto evaluators = start(supervisor);
  expect_ready(*evaluators);
  Times times(state);
  for (auto step : state) {
    evaluators->begin(work(1, hangs));
    const auto id = static_cast<pid_t>(next<Evaluators::Progress>(*evaluators).at.step);
    const auto since = Clock::now();
    ::kill(id, SIGKILL);
    const auto end = next<Evaluators::Ended>(*evaluators);
    times.add(since);
    require(end.evaluation && end.evaluation->status == evolution::Status::crashed,
            "A killed evaluator did not crash");
    evaluate_one(*evaluators, work(2));  // it has been replaced
  }
  times.tell();
}
BENCHMARK(kill_to_crash)->UseManualTime()->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace hierevo

int main(int argc, char** argv) {
  try {
    if (argc > 1 && std::string_view(argv[1]) == "evaluator") return hierevo::evaluate();
    benchmark::Initialize(&argc, argv);
    if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 2;
    benchmark::RunSpecifiedBenchmarks();
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
}
