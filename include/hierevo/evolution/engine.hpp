#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "hierevo/core/number_range.hpp"
#include "hierevo/evolution/individual.hpp"
#include "hierevo/evolution/objectives.hpp"
#include "hierevo/evolution/population.hpp"
#include "hierevo/genome/search_space.hpp"

namespace hierevo::evolution {

/// How candidates are made. The numbers stand in files: never change one.
enum class Algorithm : std::uint8_t {
  evolution = 0,  ///< asynchronous tournament selection, nothing is removed (section 3.3)
  aging = 1,      ///< the same, only the newest `population` individuals breed (Real et al. 2019)
  random = 2,     ///< independent random genotypes (section 3.4)
};

/// Names of the algorithms, in the order of the enumeration.
inline constexpr std::array<std::string_view, 3> algorithm_names = {"evolution", "aging", "random"};

/// Throws UsageError for a name that is none of these.
Algorithm algorithm_named(std::string_view name);
/// The name by which algorithm_named() finds it.
std::string_view name(Algorithm algorithm);

inline constexpr auto population_range = core::at_least(2, "selection needs at least 2");
inline constexpr auto evaluations_range = core::at_least(1, "there would be nothing to do");
inline constexpr core::NumberRange tournament_range = {
    .least = 0.0, .most = 1.0, .without_least = true, .why = "it is a share of the population"};
inline constexpr auto start_mutations_range = core::at_least(0);

/// What defines an evolution; the defaults are the paper's.
struct EngineOptions {
  genome::SearchSpace space = genome::SearchSpace::hierarchical();
  Algorithm algorithm = Algorithm::evolution;
  std::size_t population = 200;    ///< random genotypes at the start
  std::size_t evaluations = 7000;  ///< candidates in all
  double tournament = 0.05;        ///< share of the population that takes part
  std::uint64_t seed = 1;
  int start_mutations = 1000;  ///< mutations of the trivial genotype that make a random one
  Objectives objectives = {Objective{}};  ///< what a tournament compares
};

/// The candidate of this number as it is bred from `parent`, or random without one: its seed and
/// genotype depend on nothing else. `known` is not set.
Candidate offspring(const EngineOptions& options, IndividualId id, const Candidate* parent);

/// All that is needed to resume a search.
struct EngineState {
  std::vector<Individual> history;   ///< in the order of tell()
  std::vector<Candidate> in_flight;  ///< asked for, without an evaluation yet, by id
};

/// The evolution as a value: ask() for a candidate whenever a worker is idle, tell() what came out.
/// What it does is a function of the options and the order of calls: no clock, no communication, no
/// global state. Not thread-safe.
class Engine {
 public:
  /// Throws FieldError when an option is out of its range.
  explicit Engine(EngineOptions options);
  /// Resumes from `state`; its candidates in flight are the first to be asked for again, with the
  /// same ids and seeds. Throws CheckpointError when the state contradicts itself or the options.
  Engine(EngineOptions options, EngineState state);

  /// The next candidate, or nothing when all `evaluations` were asked for.
  std::optional<Candidate> ask();
  /// Throws InternalError for an id that is not in flight. `evaluation.fitness` must be finite.
  void tell(IndividualId id, Evaluation evaluation);

  /// Those that it was made with.
  const EngineOptions& options() const { return options_; }
  /// Evaluated individuals, in the order of tell().
  const std::vector<Individual>& history() const { return history_; }
  /// Candidates asked for, without an evaluation yet, by id.
  std::vector<Candidate> in_flight() const;
  /// Number of candidates in flight.
  std::size_t in_flight_count() const { return in_flight_.size(); }
  /// The individual with the highest fitness so far that did not fail, the earliest of equals.
  const Individual* best() const;
  /// Individuals whose evaluation failed (is_failure()).
  std::size_t failures() const { return failures_; }
  /// Whether as many evaluations as the options ask for are there.
  bool finished() const { return history_.size() >= options_.evaluations; }
  /// All that a second engine requires to continue from here.
  EngineState state() const { return {history_, in_flight()}; }

 private:
  Candidate breed(IndividualId id) const;
  void record(Individual individual);

  EngineOptions options_;
  Population population_;
  std::vector<Individual> history_;
  std::unordered_map<IndividualId, std::size_t> position_;  ///< in history_
  std::map<IndividualId, Candidate> in_flight_;
  std::deque<IndividualId> to_issue_again_;
  std::uint64_t asked_ = 0;
  std::size_t failures_ = 0;
  std::optional<std::size_t> best_;  ///< index in history_
};

}  // namespace hierevo::evolution
