// Which runs differ by chance alone.
#pragma once

#include <string>
#include <vector>

#include "hierevo/report/run_data.hpp"

namespace hierevo::report {

/// Runs of one algorithm, search space, data and options but for the seed.
struct Kind {
  std::string label;  ///< with what not all runs have in common
  std::vector<const RunData*> runs;
};

/// Those of `runs`, without the runs whose options are not known.
std::vector<Kind> kinds_of(const std::vector<RunData>& runs);

}  // namespace hierevo::report
