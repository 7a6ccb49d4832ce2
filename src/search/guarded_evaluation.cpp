#include "guarded_evaluation.hpp"

#include <fmt/format.h>

#include <exception>
#include <string>
#include <utility>

#include "hierevo/core/error.hpp"
#include "hierevo/evolution/codec.hpp"

namespace hierevo::search {

using evolution::Evaluation;
using evolution::Status;

namespace {

/// What an evaluator must not give; empty when there is nothing such.
std::string out_of_bounds(const Evaluation& evaluation) {
  if (evaluation.status != Status::evaluated && !evolution::is_failure(evaluation.status)) {
    return fmt::format("the status '{}' (which is known before any evaluation)",
                       name(evaluation.status));
  }
  return evolution::problem_with(evaluation);
}

/// What no message could carry would never end the candidate.
Evaluation within_bounds(Evaluation evaluation) {
  const std::string problem = out_of_bounds(evaluation);
  if (!problem.empty()) return Evaluation::failure(Status::failed, "the evaluator gave " + problem);
  evaluation.worker = 0;  // the rank knows
  return evaluation;
}

}  // namespace

std::optional<Evaluation> guarded_evaluation(Evaluator& evaluator, const Work& work,
                                             const ProgressCallback& progress) {
  bool asked_to_end = false;
  try {
    auto evaluation = evaluator.evaluate(work, [&](const EvaluationProgress& at) {
      asked_to_end = !progress(at) || asked_to_end;
      return !asked_to_end;
    });
    if (evaluation) return within_bounds(std::move(*evaluation));
    if (asked_to_end) return std::nullopt;
    return Evaluation::failure(Status::failed, "the evaluator ended without a result");
  } catch (const EvaluatorLost&) {
    throw;
  } catch (const std::exception& error) {
    if (core::is_out_of_memory(error)) {
      return Evaluation::failure(Status::out_of_memory, "the host's memory is exhausted");
    }
    return Evaluation::failure(Status::failed, error.what());
  } catch (...) {
    return Evaluation::failure(Status::failed, "the evaluator threw what is no std::exception");
  }
}

}  // namespace hierevo::search
