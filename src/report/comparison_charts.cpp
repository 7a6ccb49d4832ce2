#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <ranges>
#include <utility>

#include "hierevo/core/statistics.hpp"
#include "hierevo/report/run_charts.hpp"
#include "kinds.hpp"

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

/// Over the steps that all of the runs have made. The band is clipped to what a fitness can be.
std::vector<Series> mean_and_band(const std::string& kind,
                                  const std::vector<std::vector<double>>& curves) {
  const std::size_t length =
      std::ranges::min(curves | std::views::transform([](const auto& one) { return one.size(); }));
  Series mean{.label = fmt::format("{}: mean of {} runs", kind, curves.size()),
              .marks = Marks::line};
  Series band{.label = kind + ": one standard deviation around the mean", .marks = Marks::band};
  const bool shares =
      std::ranges::all_of(curves, [](const auto& one) { return one.back() <= 1.0; });
  const double most = shares ? 1.0 : std::numeric_limits<double>::infinity();
  std::vector<double> values(curves.size());
  for (const std::size_t i : sampled(length)) {
    std::ranges::transform(curves, values.begin(), [i](const auto& curve) { return curve[i]; });
    const auto found = core::mean_and_deviation(values).value();
    for (Series* series : {&mean, &band}) series->x.push_back(static_cast<double>(i + 1));
    mean.y.push_back(found.mean);
    band.y.push_back(std::max(0.0, found.mean - found.deviation.value()));
    band.top.push_back(std::min(most, found.mean + found.deviation.value()));
  }
  return {std::move(band), std::move(mean)};
}

}  // namespace

std::vector<Chart> comparison_charts(const std::vector<RunData>& runs) {
  if (runs.size() < 2) return {};
  const Axis step{evolution_step};
  const bool train = std::ranges::all_of(runs, &RunData::trains);
  const Axis accuracy{train ? "Best validation accuracy so far" : "Best fitness so far"};
  Chart all{.id = "runs",
            .title = "Best fitness so far, each run",
            .summary = fmt::format("The best fitness so far of {} runs.", runs.size()),
            .x = step,
            .y = accuracy,
            .series = {}};
  for (const RunData& run : runs) {
    if (!run.history().empty())
      all.series.push_back(curve_of(run.name, best_so_far(run.history())));
  }
  Chart means{.id = "kinds",
              .title = "Best fitness so far, runs of one kind",
              .summary =
                  "The mean, and a band of one standard deviation around it, over runs that differ "
                  "in nothing but the seed, over the steps that all of them have made.",
              .x = step,
              .y = accuracy,
              .series = {}};
  for (const Kind& kind : kinds_of(runs)) {
    std::vector<std::vector<double>> curves;
    for (const RunData* run : kind.runs) {
      if (!run->history().empty()) curves.push_back(best_so_far(run->history()));
    }
    if (curves.size() < 2) continue;
    for (Series& series : mean_and_band(kind.label, curves)) {
      means.series.push_back(std::move(series));
    }
  }
  std::vector<Chart> charts = {std::move(all)};
  if (!means.series.empty()) charts.push_back(std::move(means));
  return charts;
}

}  // namespace hierevo::report
