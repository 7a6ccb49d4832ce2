// What the evaluator of the tests does with a candidate: its seed says so.
#pragma once

#include <cstdint>

#include "genome/published_cell.hpp"
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

}  // namespace hierevo::search
