// The cost of evolution itself, without any evaluation or communication.
//
//   ask_and_tell/evolution/N   time of one ask() and tell() in a search with N evaluations. It
//                              should hardly grow with N: compare 1000 with 100000 in one run.
//   assemble                   assembly, phenotype and cost of a random hierarchical genotype, as
//                              they are computed for every candidate
//   random_genotype            1000 mutations of the trivial genotype
//
// --benchmark_format=json prints JSON.
#include <benchmark/benchmark.h>

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
