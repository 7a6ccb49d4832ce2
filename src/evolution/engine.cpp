#include "hierevo/evolution/engine.hpp"

#include <fmt/format.h>

#include <cmath>
#include <set>
#include <utility>

#include "hierevo/core/closest_match.hpp"
#include "hierevo/core/error.hpp"
#include "hierevo/core/random.hpp"
#include "hierevo/genome/mutation.hpp"

namespace hierevo::evolution {

namespace {

void check(const EngineOptions& options) {
  require_in(population_range, "population", static_cast<double>(options.population));
  require_in(evaluations_range, "evaluations", static_cast<double>(options.evaluations));
  require_in(tournament_range, "tournament", options.tournament);
  require_in(start_mutations_range, "start_mutations", options.start_mutations);
  objectives_of(text_of(options.objectives));
}

std::optional<std::size_t> capacity_for(const EngineOptions& options) {
  if (options.algorithm == Algorithm::aging) return options.population;
  return std::nullopt;
}

/// With the fitness alone that of invalid and over-budget individuals counts, too: it is 0.
std::vector<double> scores_in(const EngineOptions& options, const Evaluation& evaluation) {
  if (is_fitness_alone(options.objectives)) return {evaluation.fitness};
  return scores_of(options.objectives, evaluation);
}

}  // namespace

Algorithm algorithm_named(std::string_view name) {
  for (std::size_t i = 0; i < algorithm_names.size(); ++i) {
    if (algorithm_names[i] == name) return static_cast<Algorithm>(i);
  }
  const std::vector<std::string> known(algorithm_names.begin(), algorithm_names.end());
  throw core::unknown_name("search algorithm", name, known);
}

std::string_view name(Algorithm algorithm) {
  return algorithm_names.at(static_cast<std::size_t>(algorithm));
}

Candidate offspring(const EngineOptions& options, IndividualId id, const Candidate* parent) {
  const std::uint64_t seed = core::derive_seed(options.seed, number(id), "evaluation");
  if (parent == nullptr) {
    core::RandomStream random(options.seed, number(id), "start");
    return {id, std::nullopt, seed,
            genome::random_genotype(options.space, random, options.start_mutations)};
  }
  Candidate child{id, parent->id, seed, parent->genotype};
  core::RandomStream mutation(options.seed, number(id), "mutation");
  genome::apply(genome::draw_mutation(options.space, mutation), child.genotype);
  return child;
}

Engine::Engine(EngineOptions options)
    : options_(std::move(options)), population_(capacity_for(options_)) {
  check(options_);
}

Engine::Engine(EngineOptions options, EngineState state) : Engine(std::move(options)) {
  const auto refuse = [](const std::string& problem) {
    throw core::CheckpointError("search state", problem, "",
                                "Use an earlier snapshot of the same run.");
  };
  std::set<IndividualId> seen;
  const auto check_candidate = [&](const Candidate& candidate) {
    if (number(candidate.id) < 1 || !seen.insert(candidate.id).second) {
      refuse(fmt::format("candidate {} is there twice or has no number", number(candidate.id)));
    }
    if (!(candidate.genotype.space() == options_.space)) {
      refuse(fmt::format("candidate {} is of another search space", number(candidate.id)));
    }
  };
  for (Individual& individual : state.history) {
    check_candidate(individual.candidate);
    record(std::move(individual));
  }
  for (Candidate& candidate : state.in_flight) {
    check_candidate(candidate);
    to_issue_again_.push_back(candidate.id);
    in_flight_.emplace(candidate.id, std::move(candidate));
  }
  asked_ = seen.size();
  if (!seen.empty() && number(*seen.rbegin()) != asked_) {
    refuse(fmt::format("{} candidates are numbered up to {}", asked_, number(*seen.rbegin())));
  }
}

std::optional<Candidate> Engine::ask() {
  if (!to_issue_again_.empty()) {
    const IndividualId id = to_issue_again_.front();
    to_issue_again_.pop_front();
    return in_flight_.at(id);
  }
  if (asked_ >= options_.evaluations) return std::nullopt;
  Candidate candidate = breed(IndividualId{++asked_});
  in_flight_.emplace(candidate.id, candidate);
  return candidate;
}

Candidate Engine::breed(IndividualId id) const {
  const bool starting = number(id) <= options_.population;
  const Candidate* parent = nullptr;
  // With more workers than the starting population, a parent may be wanted before any is there.
  if (!starting && options_.algorithm != Algorithm::random && population_.size() > 0) {
    core::RandomStream selection(options_.seed, number(id), "tournament");
    const IndividualId winner = population_.tournament(options_.tournament, selection);
    parent = &history_[position_.at(winner)].candidate;
  }
  Candidate child = offspring(options_, id, parent);
  child.known = history_.size();
  return child;
}

void Engine::tell(IndividualId id, Evaluation evaluation) {
  const auto found = in_flight_.find(id);
  if (found == in_flight_.end()) {
    throw core::InternalError(fmt::format("Candidate {} is not in flight", number(id)));
  }
  Candidate candidate = std::move(found->second);
  in_flight_.erase(found);
  std::erase(to_issue_again_, id);
  record({std::move(candidate), std::move(evaluation)});
}

void Engine::record(Individual individual) {
  const Evaluation& evaluation = individual.evaluation;
  const IndividualId id = individual.candidate.id;
  if (!std::isfinite(evaluation.fitness)) {
    throw core::InternalError(fmt::format("The fitness of candidate {} is not finite", number(id)));
  }
  const std::size_t position = history_.size();
  if (is_failure(evaluation.status)) {
    ++failures_;
  } else {
    population_.add(id, scores_in(options_, evaluation));
    const bool higher = !best_ || evaluation.fitness > history_[*best_].evaluation.fitness;
    if (higher && has_fitness(evaluation.status)) best_ = position;
  }
  position_.emplace(id, position);
  history_.push_back(std::move(individual));
}

std::vector<Candidate> Engine::in_flight() const {
  std::vector<Candidate> candidates;
  candidates.reserve(in_flight_.size());
  for (const auto& [id, candidate] : in_flight_) candidates.push_back(candidate);
  return candidates;
}

const Individual* Engine::best() const {
  return best_ ? &history_[*best_] : nullptr;
}

}  // namespace hierevo::evolution
