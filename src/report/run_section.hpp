// What the page says of one run.
#pragma once

#include <string>
#include <vector>

#include "hierevo/report/chart.hpp"
#include "hierevo/report/run_data.hpp"

namespace hierevo::report {

/// The state of a run in a sentence or two, as plain text.
std::string outcome(const RunData& run);

/// Charts side by side, as HTML.
std::string charts_html(const std::vector<Chart>& charts);

/// All about a run. The ids of its elements begin with `prefix`.
std::string run_section(const RunData& run, const std::vector<Chart>& search_charts,
                        const std::vector<Chart>& training_charts, const std::string& prefix);

}  // namespace hierevo::report
