#include "failure_series.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "hierevo/core/error.hpp"

namespace hierevo::search {

using evolution::Status;

std::string failure_text(const evolution::Evaluation& evaluation) {
  if (evaluation.reason.empty()) return std::string(name(evaluation.status));
  if (evaluation.status == Status::failed) return evaluation.reason;
  return fmt::format("{}: {}", name(evaluation.status), evaluation.reason);
}

void FailureSeries::take(const evolution::Evaluation& evaluation) {
  if (evolution::is_failure(evaluation.status)) {
    reasons_.push_back(failure_text(evaluation));
  } else if (evaluation.status == Status::evaluated) {
    reasons_.clear();
  }
}

std::string FailureSeries::summary() const {
  std::map<std::string, std::size_t> counts;
  for (const std::string& reason : reasons_) ++counts[reason];
  const auto most =
      std::max_element(counts.begin(), counts.end(),
                       [](const auto& a, const auto& b) { return a.second < b.second; });
  return core::error_text(fmt::format("{} consecutive evaluations failed", reasons_.size()),
                          most->second == reasons_.size()
                              ? fmt::format("each time: {}", most->first)
                              : fmt::format("most often, {} times: {}", most->second, most->first),
                          "The search stops here.");
}

}  // namespace hierevo::search
