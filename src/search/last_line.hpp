// What a program that is started for each candidate has answered.
#pragma once

#include <string_view>

#include "hierevo/evolution/individual.hpp"

namespace hierevo::search {

/// The outcome (evaluator_outcome.hpp) in the last line of what the program printed that is not
/// empty; a failure where it is none. What a terminal would have written over, as bars of progress
/// are, is no part of the line.
evolution::Evaluation read_last_line(std::string_view output);

}  // namespace hierevo::search
