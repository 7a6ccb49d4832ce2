#include "infer_model.hpp"

#include <algorithm>
#include <map>
#include <utility>

#include "hierevo/genome/cell_graph.hpp"

namespace hierevo::search {

namespace {

using evolution::Individual;

/// So many individuals agree on the data, or do not.
constexpr std::size_t most_asked = 25;
constexpr std::int64_t most_classes = 65'536;

genome::Cost cost(const genome::CellGraph& cell, genome::ModelSpec model, int classes) {
  model.classes = classes;
  return cost_of(make_plan(cell, model), model.image_size());
}

/// The number of classes that gives the parameters and multiply-accumulates of `individual`. Each
/// class adds as many as the one before.
std::optional<int> classes_of(const Individual& individual, const genome::CellGraph& cell,
                              const genome::ModelSpec& model) {
  const genome::Cost one = cost(cell, model, 1);
  const std::int64_t each = cost(cell, model, 2).parameters - one.parameters;
  const std::int64_t more = individual.evaluation.parameters - one.parameters;
  if (each <= 0 || more < 0 || more % each != 0 || more / each >= most_classes) return std::nullopt;
  const int classes = static_cast<int>(more / each) + 1;
  if (cost(cell, model, classes).macs != individual.evaluation.macs) return std::nullopt;
  return classes;
}

}  // namespace

std::optional<genome::ModelSpec> infer_model(const genome::ModelSpec& model,
                                             const std::vector<Individual>& history) {
  std::map<std::pair<int, int>, int> votes;
  std::size_t asked = 0;
  for (const Individual& individual : history) {
    if (individual.evaluation.parameters <= 0 || asked == most_asked) continue;
    const genome::CellGraph cell = genome::assemble(individual.candidate.genotype);
    if (!cell.valid()) continue;
    ++asked;
    for (const int channels : {model.input_channels, 1, 3}) {  // colours or grey
      genome::ModelSpec tried = model;
      tried.input_channels = channels;
      const auto classes = classes_of(individual, cell, tried);
      if (!classes) continue;
      ++votes[{channels, *classes}];
      break;
    }
  }
  if (votes.empty()) return std::nullopt;
  const auto most = std::max_element(
      votes.begin(), votes.end(), [](const auto& a, const auto& b) { return a.second < b.second; });
  genome::ModelSpec found = model;
  found.input_channels = most->first.first;
  found.classes = most->first.second;
  return found;
}

}  // namespace hierevo::search
