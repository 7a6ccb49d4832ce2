// A search against itself: everything that follows from its options is made again and compared.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>
#include <set>
#include <unordered_map>
#include <utility>

#include "hierevo/core/error.hpp"
#include "hierevo/evolution/codec.hpp"
#include "hierevo/evolution/engine.hpp"
#include "hierevo/genome/cell_graph.hpp"
#include "hierevo/search/verify.hpp"
#include "infer_model.hpp"

namespace hierevo::search {

namespace {

using evolution::Candidate;
using evolution::Evaluation;
using evolution::Individual;
using evolution::IndividualId;
using evolution::Status;

class SearchCheck {
 public:
  SearchCheck(const io::Snapshot& search, const VerifyOptions& options, Verification& found)
      : options_(search.options), state_(search.state), progress_(search.progress), found_(found) {
    if (options.model) model_ = infer_model(*options.model, state_.history);
  }

  void run() {
    count();
    if (check_numbers()) {
      check_origins();
      replay();
      check_best();
    }
    for (std::size_t row = 0; row < state_.history.size(); ++row) check_evaluation(row);
    check_progress();
  }

 private:
  template <typename... Values>
  void complain(std::optional<IndividualId> id, fmt::format_string<Values...> text,
                Values&&... values) {
    found_.problems.push_back({{}, id, fmt::format(text, std::forward<Values>(values)...)});
  }

  void count();
  bool check_numbers();
  void check_origins();
  void replay();
  bool tell_until(evolution::Engine& engine, const Candidate& candidate);
  void check_best();
  void check_evaluation(std::size_t row);
  void check_reused(const Individual& individual);
  void check_network(const Individual& individual);
  void check_progress();

  const evolution::EngineOptions& options_;
  const evolution::EngineState& state_;
  const io::RunProgress& progress_;
  Verification& found_;
  std::optional<genome::ModelSpec> model_;
  std::map<IndividualId, const Candidate*> candidates_;
  std::set<IndividualId> told_;
  /// By phenotype, of the rows that were looked at: the first that was evaluated, and any.
  std::unordered_map<std::uint64_t, const Individual*> evaluated_;
  std::unordered_map<std::uint64_t, const Individual*> alike_;
};

void SearchCheck::count() {
  for (const Individual& individual : state_.history) {
    const Status status = individual.evaluation.status;
    if (evolution::is_failure(status)) {
      ++found_.failed;
    } else if (status == Status::evaluated) {
      ++found_.evaluated;
    } else {
      ++(status == Status::reused ? found_.reused : found_.others);
    }
  }
  found_.in_flight = state_.in_flight.size();
}

/// Whether candidates have the numbers 1, 2, …, each once.
bool SearchCheck::check_numbers() {
  const std::size_t before = found_.problems.size();
  const auto take = [&](const Candidate& candidate) {
    if (number(candidate.id) == 0) complain(candidate.id, "no candidate has this number");
    if (!(candidate.genotype.space() == options_.space)) {
      complain(candidate.id, "its genotype is of another search space");
    }
    if (!candidates_.emplace(candidate.id, &candidate).second) {
      complain(candidate.id, "it is there twice");
    }
  };
  for (const Individual& individual : state_.history) {
    take(individual.candidate);
    told_.insert(individual.candidate.id);
  }
  for (const Candidate& candidate : state_.in_flight) take(candidate);
  std::uint64_t next = 1;
  for (const auto& [id, candidate] : candidates_) {
    for (; next < number(id) && found_.problems.size() < before + 100; ++next) {
      complain(IndividualId{next}, "it is missing");
    }
    next = number(id) + 1;
  }
  return found_.problems.size() == before;
}

/// Seed and genotype follow from the number and the parent's genotype.
void SearchCheck::check_origins() {
  for (const auto& [id, candidate] : candidates_) {
    const Candidate* parent = nullptr;
    if (candidate->parent) {
      const auto there = candidates_.find(*candidate->parent);
      if (there == candidates_.end() || !told_.contains(*candidate->parent) ||
          *candidate->parent >= id) {
        complain(id, "its parent {} was never there before it", number(*candidate->parent));
        continue;
      }
      parent = there->second;
    }
    const Candidate made = evolution::offspring(options_, id, parent);
    if (candidate->seed != made.seed) {
      complain(id, "its seed is {} instead of {}", candidate->seed, made.seed);
    }
    if (candidate->genotype == made.genotype) continue;
    if (parent != nullptr) {
      complain(id, "its genotype is not that of its parent {} with the mutation of its number",
               number(parent->id));
    } else {
      complain(id, "its genotype is not the random one of its number");
    }
  }
}

/// Repeats every tournament, on what was known at the time.
void SearchCheck::replay() {
  evolution::EngineOptions options = options_;
  options.evaluations = std::max<std::size_t>(candidates_.size(), 1);
  evolution::Engine engine(options);
  std::size_t not_kept = 0;
  for (const auto& [id, candidate] : candidates_) {
    not_kept += candidate->known ? 0 : 1;
    if (candidate->known && !tell_until(engine, *candidate)) return;
    const auto asked = engine.ask();
    if (!candidate->known || asked->parent == candidate->parent) continue;
    const auto text = [](std::optional<IndividualId> parent) {
      return parent ? fmt::format("{}", number(*parent)) : std::string("none");
    };
    complain(id, "its parent is {}; the tournament after {} evaluations gives {}",
             text(candidate->parent), *candidate->known, text(asked->parent));
  }
  if (not_kept == 0) return;
  found_.notes.push_back(
      fmt::format("{} of {} candidates do not say how many evaluations were known when they were "
                  "made, as older versions wrote them: the choice of their parents is not checked",
                  not_kept, candidates_.size()));
}

/// Tells the engine what `candidate` was made from; false when that cannot be.
bool SearchCheck::tell_until(evolution::Engine& engine, const Candidate& candidate) {
  const std::uint64_t known = *candidate.known;
  const std::size_t told = engine.history().size();
  if (known < told || known > state_.history.size()) {
    complain(candidate.id,
             "it says it was made after {} evaluations; an earlier one after {}, and {} are there. "
             "No parent is checked from here on",
             known, told, state_.history.size());
    return false;
  }
  for (std::size_t row = told; row < known; ++row) {
    const auto& [other, evaluation] = state_.history[row];
    if (other.id >= candidate.id) {
      complain(other.id,
               "it was evaluated before candidate {} was made, so the order of evaluations is "
               "wrong. No parent is checked from here on",
               number(candidate.id));
      return false;
    }
    engine.tell(other.id, std::isfinite(evaluation.fitness) ? evaluation : Evaluation());
  }
  return true;
}

void SearchCheck::check_best() {
  const Individual* best = nullptr;
  for (const Individual& individual : state_.history) {
    if (!std::isfinite(individual.evaluation.fitness)) return;  // reported elsewhere
    if (!evolution::has_fitness(individual.evaluation.status)) continue;
    if (best == nullptr || individual.evaluation.fitness > best->evaluation.fitness) {
      best = &individual;
    }
  }
  const evolution::Engine engine(options_, state_);
  const Individual* taken = engine.best();
  if ((taken == nullptr) != (best == nullptr) ||
      (best != nullptr && taken->candidate.id != best->candidate.id)) {
    complain(best == nullptr ? taken->candidate.id : best->candidate.id,
             "the engine does not take the right one for the best");
  }
}

void SearchCheck::check_evaluation(std::size_t row) {
  const Individual& individual = state_.history[row];
  const auto& [candidate, evaluation] = individual;
  if (const std::string problem = evolution::problem_with(evaluation); !problem.empty()) {
    complain(candidate.id, "it has {}", problem);
    return;
  }
  const bool trained =
      evaluation.status == Status::evaluated || evaluation.status == Status::reused;
  const auto& repeats = evaluation.repeat_fitness;
  if (trained && !repeats.empty()) {
    const double mean =
        std::accumulate(repeats.begin(), repeats.end(), 0.0) / static_cast<double>(repeats.size());
    if (!(std::abs(evaluation.fitness - mean) <= 1e-12)) {
      complain(candidate.id, "its fitness is {}, the mean of its {} repeats {}", evaluation.fitness,
               repeats.size(), mean);
    }
  }
  if ((evaluation.status == Status::invalid || evaluation.status == Status::over_budget) &&
      evaluation.fitness != 0.0) {
    complain(candidate.id, "it was not trained and has a fitness of {}", evaluation.fitness);
  }
  check_network(individual);
  if (evaluation.status == Status::reused) check_reused(individual);
  if (evaluation.status == Status::evaluated) {
    evaluated_.try_emplace(evaluation.phenotype, &individual);
  }
}

void SearchCheck::check_reused(const Individual& individual) {
  const auto& [candidate, evaluation] = individual;
  const auto origin = evaluated_.find(evaluation.phenotype);
  if (origin == evaluated_.end()) {
    complain(candidate.id, "its fitness was reused, but no equal phenotype was evaluated before");
  } else if (origin->second->evaluation.fitness != evaluation.fitness) {
    complain(candidate.id, "its reused fitness is {}, that of candidate {} was {}",
             evaluation.fitness, number(origin->second->candidate.id),
             origin->second->evaluation.fitness);
  } else if (origin->second->evaluation.metrics != evaluation.metrics) {
    complain(candidate.id, "its reused metrics are not those of candidate {}",
             number(origin->second->candidate.id));
  }
}

void SearchCheck::check_network(const Individual& individual) {
  const auto& [candidate, evaluation] = individual;
  const genome::CellGraph cell = genome::assemble(candidate.genotype);
  if (cell.valid() == (evaluation.status == Status::invalid)) {
    complain(candidate.id, "its cell is {}, but it was told to be {}",
             cell.valid() ? "valid" : "invalid", name(evaluation.status));
    return;
  }
  if (const std::uint64_t phenotype = phenotype_hash(cell); phenotype != evaluation.phenotype) {
    complain(candidate.id, "its phenotype is recorded as {}, its genotype has {}",
             genome::phenotype_text(evaluation.phenotype), genome::phenotype_text(phenotype));
    return;
  }
  std::int64_t parameters = 0;
  std::int64_t macs = 0;
  if (model_ && cell.valid()) {
    const genome::Cost cost = cost_of(make_plan(cell, *model_), model_->image_size());
    parameters = cost.parameters;
    macs = cost.macs;
  } else if (cell.valid()) {
    const auto& alike = alike_.try_emplace(evaluation.phenotype, &individual).first->second;
    parameters = alike->evaluation.parameters;
    macs = alike->evaluation.macs;
  }
  if (parameters != evaluation.parameters || macs != evaluation.macs) {
    complain(candidate.id,
             "its network is recorded with {} parameters and {} multiply-accumulates instead of {} "
             "and {}",
             evaluation.parameters, evaluation.macs, parameters, macs);
  }
}

void SearchCheck::check_progress() {
  const auto sound = [](double seconds) { return std::isfinite(seconds) && seconds >= 0.0; };
  const auto& [state, when, elapsed, busy, present, workers] = progress_;
  if (!sound(elapsed) || !sound(busy) || !sound(present) || workers < 0 || when < 0) {
    complain({}, "its sums cannot be: {} s searched, {} s busy, {} s of {} workers", elapsed, busy,
             present, workers);
  } else if (busy > present * (1.0 + 1e-9) + 1e-6) {
    complain({}, "its workers were busy for {} s, but there for {} s", busy, present);
  }
  constexpr std::string_view states[] = {"running", "saved", "finished", "stopped"};
  if (std::find(std::begin(states), std::end(states), state) == std::end(states)) {
    complain({}, "its state is '{}', which does not exist", state);
  }
  if (state == "finished" && state_.history.size() < options_.evaluations) {
    complain({}, "it is finished with {} of {} evaluations", state_.history.size(),
             options_.evaluations);
  }
}

}  // namespace

Verification verify_search(const io::Snapshot& search, const VerifyOptions& options) {
  Verification found;
  SearchCheck(search, options, found).run();
  return found;
}

}  // namespace hierevo::search
