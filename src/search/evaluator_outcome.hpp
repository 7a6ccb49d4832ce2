// What a foreign program says of a candidate, as JSON (docs/evaluators.md).
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string_view>

#include "hierevo/evolution/individual.hpp"

namespace hierevo::search {

/// JSON, or Python's variant of it: null where it has NaN, Infinity or -Infinity. "Discarded" if it
/// is neither.
nlohmann::json parse_python_json(std::string_view text);

/// The evaluation in the members of a result; a failure where one is not as it must be. What is out
/// of bounds (evolution::problem_with) may be in it.
evolution::Evaluation read_result(const nlohmann::json& message);

/// The failed evaluation in the members of a failure.
evolution::Evaluation read_failure(const nlohmann::json& message);

}  // namespace hierevo::search
