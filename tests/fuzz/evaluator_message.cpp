// Lines that a program of the user writes, in the evaluator protocol and as its last line.
#include <cmath>
#include <string>
#include <variant>

#include "evaluator_messages.hpp"
#include "hierevo/core/bytes.hpp"
#include "hierevo/evolution/codec.hpp"
#include "last_line.hpp"
#include "target.hpp"

namespace {

using namespace hierevo;
using fuzz::require;

/// What comes of a line is a failure with a reason, or a fitness; the rank refuses only what
/// problem_with() names.
void check(const evolution::Evaluation& evaluation) {
  if (evolution::is_failure(evaluation.status)) {
    require(evaluation.fitness == 0.0, "a failure has no fitness");
    return;
  }
  require(evaluation.status == evolution::Status::evaluated, "a program cannot give other states");
  require(std::isfinite(evaluation.fitness) && evaluation.fitness >= 0.0, "a fitness is a number");
  require(evolution::problem_with(evaluation.metrics).empty(), "metrics can be kept");
  if (!evolution::problem_with(evaluation).empty()) return;
  core::ByteWriter out;
  evolution::write(out, evaluation);
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(fuzz::text_of(data, size));
  const auto message = search::from_evaluator::read(text);
  if (const auto* outcome = std::get_if<search::from_evaluator::Outcome>(&message)) {
    require(number(outcome->id) != 0, "an outcome is a candidate's");
    check(outcome->evaluation);
  }
  if (const auto* progress = std::get_if<search::from_evaluator::Progress>(&message)) {
    require(progress->at.step >= 0 && progress->at.steps >= 0, "steps are counted from 0");
    require(std::isfinite(progress->at.earlier_seconds), "a time is a number");
  }
  if (const auto* breach = std::get_if<search::from_evaluator::Breach>(&message)) {
    require(!breach->problem.empty(), "a breach is named");
  }
  check(search::read_last_line(text));
  return 0;
}
