#include "samples.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <bit>
#include <limits>
#include <vector>

#include "hierevo/core/random.hpp"
#include "hierevo/evolution/codec.hpp"

namespace hierevo::io::test {

namespace {

using evolution::Evaluation;

double unit(core::RandomStream& random) {
  return static_cast<double>(random() >> 11) * 0x1.0p-53;
}

std::string random_reason(core::RandomStream& random) {
  switch (random.below(4)) {
    case 0:
      return std::string(1 + random.below(evolution::longest_reason), 'x');
    case 1:
      return "Grafikspeicher erschöpft – 显存不足 🧨\nat step 7";
    case 2:
      return "";
    default:
      return fmt::format("signal {}", random.below(32));
  }
}

std::vector<double> random_runs(core::RandomStream& random) {
  std::vector<double> runs(random.below(5));
  for (double& run : runs) run = unit(random);
  if (!runs.empty() && random.below(4) == 0) {
    runs.back() = random.below(2) == 0 ? std::numeric_limits<double>::quiet_NaN()
                                       : std::numeric_limits<double>::infinity();
  }
  return runs;
}

Evaluation random_evaluation(core::RandomStream& random) {
  Evaluation evaluation;
  evaluation.status = static_cast<evolution::Status>(random.below(evolution::status_count));
  evaluation.fitness = unit(random);
  evaluation.repeat_fitness = random_runs(random);
  evaluation.repeat_loss = random_runs(random);
  evaluation.seconds = 1000 * unit(random);
  evaluation.parameters = static_cast<std::int64_t>(random() >> 1);
  evaluation.macs = static_cast<std::int64_t>(random() >> 1);
  evaluation.phenotype = random();
  evaluation.worker = static_cast<int>(random.below(5000));
  if (evolution::is_failure(evaluation.status)) evaluation.reason = random_reason(random);
  if (random.below(4) > 0) evaluation.finished_at = 1e6 * unit(random);
  for (const char* name : {"latency", "device/peak-memory", "task_2.top1"}) {
    if (random.below(3) == 0) evaluation.metrics[name] = 200.0 * unit(random) - 100.0;
  }
  return evaluation;
}

bool same_bits(double a, double b) {
  return std::bit_cast<std::uint64_t>(a) == std::bit_cast<std::uint64_t>(b);
}

bool same_bits(const std::vector<double>& a, const std::vector<double>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](double x, double y) { return same_bits(x, y); });
}

bool same_evaluation(Evaluation a, Evaluation b) {
  const bool runs =
      same_bits(a.repeat_fitness, b.repeat_fitness) && same_bits(a.repeat_loss, b.repeat_loss);
  a.repeat_fitness = b.repeat_fitness = a.repeat_loss = b.repeat_loss = {};
  return runs && a == b;
}

bool same_options(const evolution::EngineOptions& a, const evolution::EngineOptions& b) {
  return a.space == b.space && a.algorithm == b.algorithm && a.population == b.population &&
         a.evaluations == b.evaluations && a.tournament == b.tournament && a.seed == b.seed &&
         a.start_mutations == b.start_mutations && a.objectives == b.objectives;
}

bool same_progress(const RunProgress& a, const RunProgress& b) {
  return a.state == b.state && a.unix_seconds == b.unix_seconds &&
         a.elapsed_seconds == b.elapsed_seconds && a.busy_seconds == b.busy_seconds &&
         a.worker_seconds == b.worker_seconds && a.workers == b.workers;
}

}  // namespace

Snapshot random_snapshot(std::uint64_t seed, std::string_view space, std::size_t told,
                         std::size_t in_flight) {
  core::RandomStream random(seed);
  evolution::EngineOptions options;
  options.space = genome::SearchSpace::parse(space);
  options.algorithm = static_cast<evolution::Algorithm>(random.below(3));
  options.population = 2 + random.below(20);
  options.evaluations = told + in_flight + random.below(3) + 1;
  options.tournament = 0.01 + 0.9 * unit(random);
  options.seed = random();
  options.start_mutations = static_cast<int>(random.below(200));
  constexpr std::array objectives = {"fitness", "fitness,-parameters", "-latency,task_2.top1,macs"};
  options.objectives = evolution::objectives_of(objectives[random.below(objectives.size())]);

  evolution::Engine engine(options);
  std::vector<evolution::Candidate> waiting;
  while (engine.history().size() < told) {
    while (engine.history().size() + waiting.size() < told + in_flight &&
           waiting.size() < in_flight + 3) {
      waiting.push_back(*engine.ask());
    }
    const auto next = waiting.begin() + static_cast<std::ptrdiff_t>(random.below(waiting.size()));
    engine.tell(next->id, random_evaluation(random));
    waiting.erase(next);
  }
  while (waiting.size() < in_flight) waiting.push_back(*engine.ask());

  constexpr std::array<const char*, 4> states = {"running", "saved", "finished", "stopped"};
  RunProgress progress{states[random.below(4)], static_cast<std::int64_t>(random.below(1ULL << 40)),
                       1e6 * unit(random),      1e7 * unit(random),
                       1e7 * unit(random),      static_cast<int>(random.below(10'000))};
  return {options, engine.state(), std::move(progress)};
}

bool same(const Snapshot& a, const Snapshot& b, std::string* where) {
  const auto differ = [&](const std::string& text) {
    *where = text;
    return false;
  };
  if (!same_options(a.options, b.options)) return differ("options");
  if (!same_progress(a.progress, b.progress)) return differ("progress");
  if (!(a.owner == b.owner)) return differ("owner");
  if (!(a.state.in_flight == b.state.in_flight)) return differ("candidates in flight");
  if (a.state.history.size() != b.state.history.size()) return differ("length of the history");
  for (std::size_t i = 0; i < a.state.history.size(); ++i) {
    const auto& left = a.state.history[i];
    const auto& right = b.state.history[i];
    if (!(left.candidate == right.candidate)) return differ(fmt::format("candidate {}", i));
    if (!same_evaluation(left.evaluation, right.evaluation)) {
      return differ(fmt::format("evaluation {}", i));
    }
  }
  return true;
}

}  // namespace hierevo::io::test
