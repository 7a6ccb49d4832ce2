#include "guarded_evaluation.hpp"

#include <exception>
#include <new>

namespace hierevo::search {

using evolution::Evaluation;
using evolution::Status;

std::optional<Evaluation> guarded_evaluation(Evaluator& evaluator, const Work& work,
                                             const ProgressCallback& progress) {
  bool asked_to_end = false;
  try {
    auto evaluation = evaluator.evaluate(work, [&](const EvaluationProgress& at) {
      asked_to_end = !progress(at) || asked_to_end;
      return !asked_to_end;
    });
    if (evaluation || asked_to_end) return evaluation;
    return Evaluation::failure(Status::failed, "the evaluator ended without a result");
  } catch (const std::bad_alloc&) {
    return Evaluation::failure(Status::out_of_memory, "the host's memory is exhausted");
  } catch (const std::exception& error) {
    return Evaluation::failure(Status::failed, error.what());
  } catch (...) {
    return Evaluation::failure(Status::failed, "the evaluator threw what is no std::exception");
  }
}

}  // namespace hierevo::search
