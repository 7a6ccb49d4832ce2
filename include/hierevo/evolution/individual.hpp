#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "hierevo/genome/genotype.hpp"

namespace hierevo::evolution {

/// Candidates are numbered from 1 in the order they are asked for; an id is never given twice.
enum class IndividualId : std::uint64_t {};
/// The number of an id.
constexpr std::uint64_t number(IndividualId id) {
  return static_cast<std::uint64_t>(id);
}

/// How an evaluation ended. The numbers stand in files: never change one.
enum class Status : std::uint8_t {
  evaluated = 0,
  reused = 1,       ///< the fitness of an equal phenotype was taken
  invalid = 2,      ///< the cell's sink is not reached: fitness 0, not trained
  over_budget = 3,  ///< more parameters or memory than allowed: fitness 0, not trained
  diverged = 4,     ///< loss not finite
  out_of_memory = 5,
  crashed = 6,
  timed_out = 7,
  failed = 8,  ///< the evaluator gave an error
};
inline constexpr int status_count = 9;

/// The status in a word, as messages and files name it.
std::string_view name(Status status);
/// A failed individual never becomes a parent. Invalid and over-budget ones are not failures.
constexpr bool is_failure(Status status) {
  return status >= Status::diverged;
}

/// Whether a fitness was measured, or taken over. The 0 of invalid and over-budget individuals was
/// not.
constexpr bool has_fitness(Status status) {
  return status == Status::evaluated || status == Status::reused;
}

/// Names of the numbers that every evaluation has.
inline constexpr std::array<std::string_view, 3> names_of_results = {"fitness", "parameters",
                                                                     "macs"};
/// Numbers besides these, by their names: a latency, the accuracy on a second task.
using Metrics = std::map<std::string, double>;

/// What came out of a candidate.
struct Evaluation {
  Status status = Status::evaluated;
  double fitness = 0.0;                ///< mean validation accuracy in [0, 1]; 0 when not trained
  std::vector<double> repeat_fitness;  ///< accuracy of each independent run (section 4)
  std::vector<double> repeat_loss;     ///< training loss at the end of each run
  double seconds = 0.0;                ///< wall time of the evaluation
  std::int64_t parameters = 0;         ///< of the network that gave the fitness
  std::int64_t macs = 0;               ///< of its forward pass, one image
  std::uint64_t phenotype = 0;         ///< genome::phenotype_hash
  int worker = 0;                      ///< rank that evaluated; 0 when none did
  /// Why it failed or is over budget; and that it was trained in smaller micro-batches, if it was.
  std::string reason;
  /// Seconds of searching, over all starts, when the result was recorded. For people: no decision
  /// depends on it. None where it was not recorded.
  std::optional<double> finished_at{};
  /// What else the evaluator has measured; problem_with() says which names and values can be.
  Metrics metrics{};

  bool operator==(const Evaluation&) const = default;

  /// A failed evaluation: `status` with `reason`, and nothing else known.
  static Evaluation failure(Status status, std::string reason) {
    Evaluation evaluation;
    evaluation.status = status;
    evaluation.reason = std::move(reason);
    return evaluation;
  }
};

/// A genotype to be evaluated.
struct Candidate {
  IndividualId id{};
  std::optional<IndividualId> parent;  ///< none for a random genotype
  std::uint64_t seed = 0;              ///< all randomness of the evaluation comes from it
  genome::Genotype genotype;
  /// Evaluations that the engine knew when it made the candidate: what its parent was chosen from.
  /// None in a candidate of a snapshot from before this was kept.
  std::optional<std::uint64_t> known{};

  bool operator==(const Candidate&) const = default;
};

/// A candidate and what came out of it.
struct Individual {
  Candidate candidate;
  Evaluation evaluation;

  bool operator==(const Individual&) const = default;
};

/// The individual with the highest fitness of those that have one (has_fitness()), the earliest of
/// equals; null where there is none.
const Individual* best_of(const std::vector<Individual>& history);

}  // namespace hierevo::evolution
