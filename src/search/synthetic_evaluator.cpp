#include <algorithm>
#include <thread>

#include "hierevo/core/hash.hpp"
#include "hierevo/genome/cell_graph.hpp"
#include "hierevo/search/builtin_evaluators.hpp"

namespace hierevo::search {

namespace {

/// Smooth enough to be climbed: the share of convolutions among the cell's operations, with a
/// little of the phenotype's hash, so that different cells rarely have the same fitness.
double synthetic_fitness(const genome::CellGraph& cell) {
  const auto convolutions = std::count_if(cell.nodes.begin(), cell.nodes.end(), [](const auto& n) {
    return n.kind == genome::CellNodeKind::separable3x3 ||
           n.kind == genome::CellNodeKind::depthwise3x3;
  });
  const double share = static_cast<double>(convolutions) /
                       static_cast<double>(std::max<std::size_t>(cell.nodes.size(), 1));
  const double noise = static_cast<double>(genome::phenotype_hash(cell) >> 11) * 0x1.0p-53;
  return 0.9 * share + 0.1 * noise;
}

class SyntheticEvaluator final : public Evaluator {
 public:
  explicit SyntheticEvaluator(std::chrono::duration<double> duration) : duration_(duration) {}

  std::optional<evolution::Evaluation> evaluate(const Work& work,
                                                const ProgressCallback& progress) override {
    using Clock = std::chrono::steady_clock;
    const auto end = Clock::now() + std::chrono::duration_cast<Clock::duration>(duration_);
    while (Clock::now() < end) {
      if (!progress({})) return std::nullopt;
      const Clock::duration longest = std::chrono::milliseconds(20);
      std::this_thread::sleep_for(std::min(longest, end - Clock::now()));
    }
    evolution::Evaluation evaluation;
    evaluation.fitness =
        synthetic_fitness(genome::assemble(work.candidate.genotype, genome::NodePaths::omitted));
    evaluation.repeat_fitness = {evaluation.fitness};
    return evaluation;
  }

 private:
  std::chrono::duration<double> duration_;
};

}  // namespace

std::unique_ptr<Evaluator> make_synthetic_evaluator(std::chrono::duration<double> duration) {
  return std::make_unique<SyntheticEvaluator>(duration);
}

}  // namespace hierevo::search
