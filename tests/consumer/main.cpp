// A program that embeds hierevo: searches for the smallest network, with its own evaluator, under
// mpirun. Usage: consumer RUN_DIRECTORY
#include <hierevo/comm/mpi_communicator.hpp>
#include <hierevo/comm/mpi_session.hpp>
#include <hierevo/core/error.hpp>
#include <hierevo/genome/cell_graph.hpp>
#include <hierevo/genome/plan.hpp>
#include <hierevo/search/search.hpp>

#include <cstdio>
#include <exception>
#include <optional>

namespace {

using namespace hierevo;

/// Smaller networks are fitter.
class SmallIsBeautiful final : public search::Evaluator {
 public:
  explicit SmallIsBeautiful(genome::ModelSpec model) : model_(model) {}

  std::optional<evolution::Evaluation> evaluate(const search::Work& work,
                                                const search::ProgressCallback&) override {
    const auto plan = genome::make_plan(genome::assemble(work.candidate.genotype), model_);
    const auto cost = genome::cost_of(plan, model_.image_size());
    evolution::Evaluation evaluation;
    evaluation.fitness = 1.0 / (1.0 + static_cast<double>(cost.parameters) / 1e5);
    return evaluation;
  }

 private:
  genome::ModelSpec model_;
};

int run(const char* directory) {
  const comm::MpiSession session;
  comm::MpiCommunicator ranks;
  search::SearchOptions options;
  options.engine.population = 10;
  options.engine.evaluations = 60;
  options.run = directory;
  SmallIsBeautiful evaluator(options.model);
  const auto evaluators = search::make_local_evaluators({&evaluator});
  search::SearchStatus last;
  const auto end = search::run_search(ranks, options, evaluators.get(), "",
                                      [&](const search::SearchStatus& now) { last = now; }, {});
  if (ranks.rank() != 0) return 0;
  std::printf("%d workers, %zu evaluations, %zu failed, best fitness %.4f\n", last.workers,
              last.done, last.failed, last.best_fitness);
  const bool complete = end == search::SearchEnd::finished && last.done == 60 && last.failed == 0 &&
                        last.workers == 2 && last.best_fitness > 0.0;
  return complete ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  try {
    return run(argv[1]);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    comm::MpiSession::abort(1);
  }
}
