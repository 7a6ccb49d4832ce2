// What the evaluator of the tests does with a candidate: its seed says so.
#pragma once

#include <cstdint>
#include <limits>

#include "genome/published_cell.hpp"
#include "hierevo/evolution/codec.hpp"
#include "hierevo/search/evaluator.hpp"

namespace hierevo::search {

enum class Behaviour : std::uint64_t {
  succeed = 1,
  go_on_until_asked,
  hang,          ///< without a look at what the rank says
  crash,         ///< with last words
  want_memory,   ///< ends the program
  print_much,    ///< 10 MB in one line, then succeeds
  print_on,      ///< without end
  send_garbage,  ///< then succeeds
  throw_error,
  run_a_program,  ///< that must find nothing of the rank's open
  lose_device,    ///< throws EvaluatorLost
  out_of_bounds,  ///< each candidate another way; see out_of_bounds()
};

inline Work work(std::uint64_t id, Behaviour behaviour, int memory_parts = 1) {
  return {{evolution::IndividualId{id}, std::nullopt, static_cast<std::uint64_t>(behaviour),
           genome::published_cell()},
          memory_parts};
}

/// Of a success.
inline double fitness_of(std::uint64_t id) {
  return static_cast<double>(id) / 1000.0;
}

/// What no evaluator may give; there are so many kinds.
inline constexpr std::uint64_t kinds_out_of_bounds = 8;
inline evolution::Evaluation out_of_bounds(std::uint64_t id) {
  using evolution::Status;
  evolution::Evaluation evaluation;
  switch (id % kinds_out_of_bounds) {
    case 0:
      evaluation.fitness = std::numeric_limits<double>::quiet_NaN();
      break;
    case 1:
      evaluation.fitness = -0.5;
      break;
    case 2:
      evaluation.repeat_fitness.resize(evolution::most_repeats + 1);
      break;
    case 3:
      evaluation.repeat_loss.resize(100'000);
      break;
    case 4:
      evaluation.seconds = -1.0;
      break;
    default:
      const Status of_others[] = {Status::reused, Status::invalid, Status::over_budget};
      evaluation.status = of_others[id % kinds_out_of_bounds - 5];
  }
  return evaluation;
}

}  // namespace hierevo::search
