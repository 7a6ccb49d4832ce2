#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <ranges>
#include <utility>

#include "hierevo/core/statistics.hpp"
#include "hierevo/report/run_charts.hpp"

namespace hierevo::report {

namespace {

/// Of curves with more points nobody sees more.
constexpr std::size_t most_points = 500;

std::vector<std::size_t> sampled(std::size_t length) {
  const std::size_t stride = std::max<std::size_t>(1, length / most_points);
  std::vector<std::size_t> positions;
  for (std::size_t i = 0; i < length; i += stride) positions.push_back(i);
  if (length > 0 && positions.back() != length - 1) positions.push_back(length - 1);
  return positions;
}

Series curve_of(const std::string& name, const std::vector<double>& best) {
  Series series{.label = name, .marks = Marks::line};
  for (const std::size_t i : sampled(best.size())) {
    series.x.push_back(static_cast<double>(i + 1));
    series.y.push_back(best[i]);
  }
  return series;
}

/// Over the steps that all of the runs have made.
std::vector<Series> mean_and_band(const std::string& kind,
                                  const std::vector<std::vector<double>>& curves) {
  const std::size_t length =
      std::ranges::min(curves | std::views::transform([](const auto& one) { return one.size(); }));
  Series mean{.label = fmt::format("{}: mean and deviation of {} runs", kind, curves.size()),
              .marks = Marks::line};
  Series band{.label = kind + ": one standard deviation around the mean", .marks = Marks::band};
  std::vector<double> values(curves.size());
  for (const std::size_t i : sampled(length)) {
    std::ranges::transform(curves, values.begin(), [i](const auto& curve) { return curve[i]; });
    const auto found = core::mean_and_deviation(values).value();
    for (Series* series : {&mean, &band}) series->x.push_back(static_cast<double>(i + 1));
    mean.y.push_back(found.mean);
    band.y.push_back(found.mean - found.deviation.value());
    band.top.push_back(found.mean + found.deviation.value());
  }
  return {std::move(band), std::move(mean)};
}

}  // namespace

std::vector<Chart> comparison_charts(const std::vector<RunData>& runs) {
  if (runs.size() < 2) return {};
  const Axis step{evolution_step};
  const Axis accuracy{"Best validation accuracy so far"};
  Chart all{.id = "runs",
            .title = "Best fitness so far, each run",
            .summary = fmt::format("The best fitness so far of {} runs.", runs.size()),
            .x = step,
            .y = accuracy,
            .series = {}};
  std::map<std::string, std::vector<std::vector<double>>> kinds;
  for (const RunData& run : runs) {
    if (run.history().empty()) continue;
    std::vector<double> best = best_so_far(run.history());
    all.series.push_back(curve_of(run.name, best));
    kinds[run.kind()].push_back(std::move(best));
  }
  Chart means{.id = "kinds",
              .title = "Best fitness so far, runs of one kind",
              .summary =
                  "The mean over runs of one algorithm and search space, over the steps that "
                  "all of them have made.",
              .x = step,
              .y = accuracy,
              .series = {}};
  for (const auto& [kind, curves] : kinds) {
    if (curves.size() < 2) continue;
    for (Series& series : mean_and_band(kind, curves)) means.series.push_back(std::move(series));
  }
  std::vector<Chart> charts = {std::move(all)};
  if (!means.series.empty()) charts.push_back(std::move(means));
  return charts;
}

}  // namespace hierevo::report
