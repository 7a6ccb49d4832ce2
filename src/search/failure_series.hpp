// Consecutive failures, which may end a search.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "hierevo/evolution/individual.hpp"

namespace hierevo::search {

/// "crashed: the program ended by signal 9"; for the general status only the reason.
std::string failure_text(const evolution::Evaluation& evaluation);

class FailureSeries {
 public:
  /// The next evaluation. A success ends the series; what was not evaluated changes nothing.
  void take(const evolution::Evaluation& evaluation);
  std::size_t length() const { return reasons_.size(); }
  /// For people: the commonest reason, and what to do. There must be a series.
  std::string summary() const;

 private:
  std::vector<std::string> reasons_;
};

}  // namespace hierevo::search
