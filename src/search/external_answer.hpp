// What a program that evaluates has answered.
#pragma once

#include <string_view>

#include "hierevo/evolution/individual.hpp"

namespace hierevo::search {

/// The evaluation in the last line of what the program printed that is not empty, a JSON object
/// with the member "fitness"; a failure where it is none. What a terminal would have written over,
/// as bars of progress are, is no part of the line. Other members may be whatever Python writes,
/// NaN included.
evolution::Evaluation read_external_answer(std::string_view output);

}  // namespace hierevo::search
