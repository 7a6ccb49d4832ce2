// The Pareto front of a run with several objectives.
#pragma once

#include <string>

#include "hierevo/report/chart.hpp"
#include "hierevo/report/run_data.hpp"

namespace hierevo::report {

/// Whether a run has several objectives and something evaluated.
bool has_front(const RunData& run);

/// All individuals in the plane of the first two objectives, and those of the front.
Chart front_chart(const RunData& run, const std::string& prefix);

/// The front as a table.
std::string front_html(const RunData& run);

}  // namespace hierevo::report
