// The cost of evolution itself, without any evaluation or communication.
//
//   ask_and_tell/evolution/N   time of one ask() and tell() in a search with N evaluations. It
//                              should hardly grow with N: compare 1000 with 100000 in one run.
//   ask_and_tell_objectives/M/N  the same with M objectives that have nothing to do with each
//   other,
//                              after N evaluations
//   assemble                   assembly, phenotype and cost of a random hierarchical genotype, as
//                              they are computed for every candidate
//   random_genotype            1000 mutations of the trivial genotype
//
// --benchmark_format=json prints JSON.
#include <benchmark/benchmark.h>

#include <string>

#include "hierevo/core/error.hpp"
#include "hierevo/evolution/engine.hpp"
#include "hierevo/genome/mutation.hpp"
#include "hierevo/genome/plan.hpp"

namespace hierevo {
namespace {

void one_evaluation(evolution::Engine& engine) {
  const auto candidate = engine.ask();
  if (!candidate) throw core::InternalError("The engine has nothing more to ask");
  core::RandomStream random(candidate->seed);
  evolution::Evaluation evaluation;
  evaluation.fitness = static_cast<double>(random.below(1'000'000)) * 1e-6;
  for (const auto& objective : engine.options().objectives) {
    if (objective.name != "fitness") evaluation.metrics[objective.name] = random.unit();
  }
  engine.tell(candidate->id, std::move(evaluation));
}

void ask_and_tell(benchmark::State& state, evolution::Algorithm algorithm) {
  evolution::EngineOptions options;
  options.algorithm = algorithm;
  options.evaluations = 100'000'000;
  options.start_mutations = 0;  // the start is not measured
  evolution::Engine engine(options);
  for (std::int64_t i = 0; i < state.range(0); ++i) one_evaluation(engine);
  for (auto step : state) one_evaluation(engine);
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK_CAPTURE(ask_and_tell, evolution, evolution::Algorithm::evolution)
    ->Arg(1'000)
    ->Arg(100'000);
BENCHMARK_CAPTURE(ask_and_tell, aging, evolution::Algorithm::aging)->Arg(1'000)->Arg(100'000);

void ask_and_tell_objectives(benchmark::State& state) {
  evolution::EngineOptions options;
  options.evaluations = 100'000'000;
  options.start_mutations = 0;
  options.population = static_cast<std::size_t>(state.range(1));  // no tournaments before
  for (std::int64_t i = 1; i < state.range(0); ++i) {
    options.objectives.push_back({"metric" + std::to_string(i), true});
  }
  evolution::Engine engine(options);
  for (std::int64_t i = 0; i < state.range(1); ++i) one_evaluation(engine);
  for (auto step : state) one_evaluation(engine);
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(ask_and_tell_objectives)
    ->Args({2, 1'000})
    ->Args({2, 10'000})
    ->Args({3, 10'000})
    ->Args({8, 10'000})
    ->Iterations(100)
    ->Unit(benchmark::kMicrosecond);

void assemble(benchmark::State& state) {
  core::RandomStream random(1);
  const auto genotype = genome::random_genotype(genome::SearchSpace::hierarchical(), random);
  for (auto step : state) {
    const auto cell = genome::assemble(genotype);
    if (!cell.valid()) continue;
    benchmark::DoNotOptimize(phenotype_hash(cell));
    benchmark::DoNotOptimize(cost_of(make_plan(cell, {}), 32));
  }
}
BENCHMARK(assemble);

void random_genotype(benchmark::State& state) {
  core::RandomStream random(1);
  const auto space = genome::SearchSpace::hierarchical();
  for (auto step : state) benchmark::DoNotOptimize(genome::random_genotype(space, random));
}
BENCHMARK(random_genotype);

}  // namespace
}  // namespace hierevo
