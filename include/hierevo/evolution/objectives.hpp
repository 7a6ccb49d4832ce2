#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "hierevo/evolution/individual.hpp"

namespace hierevo::evolution {

/// Objectives that a search has at most.
inline constexpr std::size_t most_objectives = 8;

/// A number that selection compares.
struct Objective {
  std::string name = "fitness";  ///< fitness, parameters, macs, or that of a metric
  bool smaller_is_better = false;

  bool operator==(const Objective&) const = default;
};

/// In the order in which they are named; the paper's search has the fitness alone (section 3.3).
using Objectives = std::vector<Objective>;

/// The objectives of a text such as "fitness,-parameters,-latency", where a minus means that less
/// is better. Throws FieldError of the field `objectives` for a text without any, a name that no
/// metric can have, a name that is there twice, and more than most_objectives.
Objectives objectives_of(std::string_view text);
/// The text that gives these objectives.
std::string text_of(const Objectives& objectives);

/// Whether they are the paper's: the fitness alone, and more of it is better.
bool is_fitness_alone(const Objectives& objectives);
/// The name of an objective that `evaluation` lacks although it was successful; empty where there
/// is none. Only metrics can be lacking.
std::string missing_objective(const Objectives& objectives, const Evaluation& evaluation);
/// The value of each objective. Empty where the evaluation has not all of them, and where nothing
/// was evaluated (has_fitness()): a cell that is invalid or over budget would otherwise excel by
/// its few parameters.
std::vector<double> values_of(const Objectives& objectives, const Evaluation& evaluation);
/// The same with signs by which more is always better.
std::vector<double> scores_of(const Objectives& objectives, const Evaluation& evaluation);

/// A value for people: "0.9312", "1,234,567".
std::string value_text(const Objective& objective, double value);
/// values_of() for people.
std::vector<std::string> value_texts(const Objectives& objectives, const Evaluation& evaluation);

/// The individuals that no other one dominates: none is at least as good in every objective and
/// better in one. Of equals the earliest; in the order of the first objective, the best first. With
/// one objective it is the best individual alone.
std::vector<const Individual*> pareto_front(const std::vector<Individual>& history,
                                            const Objectives& objectives);
/// At most `most` of a front, at least two: evenly spread over it, with the first and the last.
std::vector<const Individual*> spread_over(const std::vector<const Individual*>& front,
                                           std::size_t most);

}  // namespace hierevo::evolution
