// The messages of the evaluator protocol (docs/evaluators.md), each a line of JSON.
#pragma once

#include <cstddef>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "hierevo/evolution/individual.hpp"
#include "hierevo/search/evaluator.hpp"

namespace hierevo::search {

inline constexpr int evaluator_protocol = 1;
/// A line of the program has no more bytes.
inline constexpr std::size_t longest_evaluator_line = std::size_t{1} << 20;

/// The program's messages.
namespace from_evaluator {

struct Hello {
  std::string name;
  std::string version;
  bool genotype = true;
  bool cell = false;
};
struct Progress {
  evolution::IndividualId id{};
  EvaluationProgress at;
};
/// A result or a failure.
struct Outcome {
  evolution::IndividualId id{};
  std::optional<int> memory_parts;  ///< of the candidate that it answers, if it says so
  evolution::Evaluation evaluation;
};
struct Stopped {
  evolution::IndividualId id{};
};
/// No message of the protocol, and why.
struct Breach {
  std::string problem;
};
using Message = std::variant<Hello, Progress, Outcome, Stopped, Breach>;

/// The message in a line, whatever that is.
Message read(std::string_view line);

}  // namespace from_evaluator

/// What the program is sent, with the newline.
namespace to_evaluator {

std::string hello();
/// `folder` may be empty: there is none. Its name is UTF-8.
std::string candidate(const Work& work, const std::filesystem::path& folder,
                      const from_evaluator::Hello& asked);
std::string stop(evolution::IndividualId id);
std::string shutdown();

}  // namespace to_evaluator

}  // namespace hierevo::search
