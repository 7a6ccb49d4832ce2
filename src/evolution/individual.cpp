#include "hierevo/evolution/individual.hpp"

#include <array>

namespace hierevo::evolution {

std::string_view name(Status status) {
  static constexpr std::array<std::string_view, status_count> names = {
      "evaluated",     "reused",  "invalid",   "over_budget", "diverged",
      "out_of_memory", "crashed", "timed_out", "failed"};
  return names.at(static_cast<std::size_t>(status));
}

const Individual* best_of(const std::vector<Individual>& history) {
  const Individual* best = nullptr;
  for (const Individual& one : history) {
    if (!has_fitness(one.evaluation.status)) continue;
    if (best == nullptr || one.evaluation.fitness > best->evaluation.fitness) best = &one;
  }
  return best;
}

}  // namespace hierevo::evolution
