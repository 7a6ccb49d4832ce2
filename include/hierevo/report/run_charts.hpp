#pragma once

#include <vector>

#include "hierevo/report/chart.hpp"
#include "hierevo/report/run_data.hpp"

namespace hierevo::report {

/// The title of the axis that counts evaluations.
inline constexpr const char* evolution_step = "Evolution step (evaluations so far)";

/// The charts of one search: fitness and parameters against the evolution step (Figure 3), accuracy
/// against parameters and MACs, the front of a search with several objectives, workers busy and
/// evaluations per hour. Their ids begin with `prefix`. Those that nothing was recorded for are
/// empty.
std::vector<Chart> search_charts(const RunData& run, const std::string& prefix);

/// The charts of its final trainings: learning curves, and the gain of accuracy along the evolution
/// (Figure 4). None where there are no trainings.
std::vector<Chart> training_charts(const RunData& run, const std::string& prefix);

/// The best fitness so far of several runs, and its mean and deviation over runs of one kind. None
/// for a single run.
std::vector<Chart> comparison_charts(const std::vector<RunData>& runs);

/// Of points in the order of x, the indices of those with a higher y than all with no greater x.
std::vector<std::size_t> pareto_front(const std::vector<double>& x, const std::vector<double>& y);

/// The best fitness after each evaluation; 0 before the first that has a fitness.
std::vector<double> best_so_far(const std::vector<evolution::Individual>& history);

}  // namespace hierevo::report
