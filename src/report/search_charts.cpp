#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <numeric>

#include "ancestry.hpp"
#include "front.hpp"
#include "hierevo/core/quantity_text.hpp"
#include "hierevo/report/run_charts.hpp"

namespace hierevo::report {

namespace {

using evolution::Individual;
using evolution::Status;

constexpr double seconds_per_hour = 3600.0;

/// A unit in which a search's time has few digits.
struct TimeUnit {
  const char* title;
  double seconds;
};
TimeUnit unit_for(double seconds) {
  if (seconds > 2.0 * seconds_per_hour) return {"Hours of searching", seconds_per_hour};
  if (seconds > 120.0) return {"Minutes of searching", 60.0};
  return {"Seconds of searching", 1.0};
}

bool has_fitness(const Individual& individual) {
  return evolution::has_fitness(individual.evaluation.status);
}

void add(Series& series, double x, double y, const Individual& individual) {
  series.x.push_back(x);
  series.y.push_back(y);
  series.individual.push_back(number(individual.candidate.id));
}

/// The points where a value changes, and the last.
Series steps_of(const std::string& label, const std::vector<double>& values) {
  Series series{.label = label, .marks = Marks::steps};
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (i > 0 && i + 1 < values.size() && values[i] == values[i - 1]) continue;
    series.x.push_back(static_cast<double>(i + 1));
    series.y.push_back(values[i]);
  }
  return series;
}

using Value = std::function<double(const evolution::Evaluation&)>;

/// A value of each individual against the evolution step, the random ones of the start apart.
std::vector<Series> along_the_evolution(const std::vector<Individual>& history,
                                        const Value& value) {
  Series random{.label = "random"};
  Series bred{.label = "mutated from a parent"};
  for (std::size_t i = 0; i < history.size(); ++i) {
    const Individual& one = history[i];
    if (!has_fitness(one)) continue;
    add(one.candidate.parent ? bred : random, static_cast<double>(i + 1), value(one.evaluation),
        one);
  }
  return {std::move(random), std::move(bred)};
}

Series ancestors_of(const Individual& individual, const RunData& run) {
  Series series{.label = "the best and its ancestors", .marks = Marks::line};
  const auto position = static_cast<std::size_t>(&individual - run.history().data());
  for (const Ancestor& one : ancestry(run.history(), position)) {
    add(series, static_cast<double>(one.step), one.individual->evaluation.fitness, *one.individual);
  }
  return series;
}

const char* fitness_axis(const RunData& run) {
  return run.trains() ? "Validation accuracy" : "Fitness";
}

Chart fitness_chart(const RunData& run, const std::string& prefix) {
  const auto& history = run.history();
  const std::vector<double> best = best_so_far(history);
  Chart chart{.id = prefix + "fitness",
              .title = "Fitness",
              .summary = "",
              .x = {evolution_step},
              .y = {fitness_axis(run)},
              .series = along_the_evolution(history, [](const auto& one) { return one.fitness; })};
  if (const Individual* last = run.best()) {
    chart.series.push_back(steps_of("best so far", best));
    if (last->candidate.parent) chart.series.push_back(ancestors_of(*last, run));
    chart.summary = fmt::format(
        "The fitness of {}, and the best so far, from {:.4f} to {:.4f}.",
        core::counted_text(static_cast<std::size_t>(std::ranges::count_if(history, has_fitness)),
                           "individual"),
        std::ranges::find_if(history, has_fitness)->evaluation.fitness, best.back());
  }
  return chart;
}

Chart parameters_chart(const RunData& run, const std::string& prefix) {
  const auto& history = run.history();
  Chart chart{.id = prefix + "parameters",
              .title = "Parameters",
              .summary = "The parameters of each network that gave a fitness.",
              .x = {evolution_step},
              .y = {"Parameters", true},
              .series = along_the_evolution(
                  history, [](const auto& one) { return static_cast<double>(one.parameters); })};
  return chart;
}

Chart cost_chart(const RunData& run, const std::string& prefix, const std::string& id,
                 const std::string& title, const std::string& axis,
                 std::int64_t evolution::Evaluation::*cost) {
  Series all{.label = "individuals"};
  for (const Individual& one : run.history()) {
    const auto value = static_cast<double>(one.evaluation.*cost);
    if (has_fitness(one) && value > 0.0) add(all, value, one.evaluation.fitness, one);
  }
  Series front{.label = "Pareto front", .marks = Marks::steps};
  for (const std::size_t i : pareto_front(all.x, all.y)) {
    front.x.push_back(all.x[i]);
    front.y.push_back(all.y[i]);
    front.individual.push_back(all.individual[i]);
  }
  const std::string value = run.trains() ? "accuracy" : "fitness";
  const std::string summary =
      fmt::format("{} against {} of {}; {} of them {} a higher {} than all that cost no more.",
                  fitness_axis(run), title, core::counted_text(all.x.size(), "network"),
                  front.x.size(), front.x.size() == 1 ? "has" : "have", value);
  return {.id = prefix + id,
          .title = (run.trains() ? "Accuracy against " : "Fitness against ") + title,
          .summary = summary,
          .x = {axis, true},
          .y = {fitness_axis(run)},
          .series = {std::move(all), std::move(front)}};
}

/// Equal parts of the time that a search took.
struct Bins {
  double width = 0.0;  ///< seconds
  std::vector<double> values;

  Bins(double seconds, std::size_t count)
      : width(seconds / static_cast<double>(count)), values(count, 0.0) {}
  std::size_t at(double time) const {
    const double bin = std::max(0.0, std::floor(time / width));
    return std::min(values.size() - 1, static_cast<std::size_t>(bin));
  }
  /// Adds the part of [from, to) in each bin to it.
  void cover(double from, double to) {
    for (std::size_t bin = at(from); bin <= at(to); ++bin) {
      const double begin = std::max(from, width * static_cast<double>(bin));
      const double end = std::min(to, width * static_cast<double>(bin + 1));
      values[bin] += std::max(0.0, end - begin);
    }
  }
  Series series(const std::string& label, double factor, const TimeUnit& unit) const {
    Series series{.label = label, .marks = Marks::steps};
    for (std::size_t bin = 0; bin < values.size(); ++bin) {
      series.x.push_back(width * static_cast<double>(bin) / unit.seconds);
      series.y.push_back(values[bin] * factor);
    }
    series.x.push_back(width * static_cast<double>(values.size()) / unit.seconds);
    series.y.push_back(series.y.back());
    return series;
  }
};

/// Enough to see changes, and each with several evaluations.
std::size_t bins_for(std::size_t evaluations) {
  return std::clamp<std::size_t>(evaluations / 10, 4, 100);
}

double recorded_time(const RunData& run) {
  double latest = 0.0;
  for (const Individual& one : run.history()) {
    latest = std::max(latest, one.evaluation.finished_at.value_or(0.0));
  }
  return latest;
}

Chart busy_chart(const RunData& run, const std::string& prefix) {
  const double time = recorded_time(run);
  const TimeUnit unit = unit_for(time);
  Chart chart{.id = prefix + "busy",
              .title = "Candidates being evaluated",
              .summary = "",
              .x = {unit.title},
              .y = {.title = "Candidates at the same time", .from_zero = true},
              .series = {}};
  if (time <= 0.0) return chart;
  Bins bins(time, bins_for(run.history().size()));
  for (const Individual& one : run.history()) {
    const auto& end = one.evaluation.finished_at;
    if (end && one.evaluation.seconds > 0.0) {
      bins.cover(std::max(0.0, *end - one.evaluation.seconds), *end);
    }
  }
  chart.series.push_back(bins.series("evaluated at the same time", 1.0 / bins.width, unit));
  const io::RunProgress& progress = run.search.progress;
  if (progress.worker_seconds > 0.0) {
    chart.summary = fmt::format("Evaluators were busy for {:.1f} % of the time they were there.",
                                100.0 * progress.utilisation());
  }
  return chart;
}

Chart pace_chart(const RunData& run, const std::string& prefix) {
  const double time = recorded_time(run);
  const TimeUnit unit = unit_for(time);
  Chart chart{.id = prefix + "pace",
              .title = "Evaluations per hour",
              .summary = "",
              .x = {unit.title},
              .y = {.title = "Evaluations per hour", .from_zero = true},
              .series = {}};
  if (time <= 0.0) return chart;
  const std::size_t count = bins_for(run.history().size());
  Bins trained(time, count);
  Bins others(time, count);
  std::size_t total = 0;
  for (const Individual& one : run.history()) {
    if (!one.evaluation.finished_at) continue;
    Bins& bins = one.evaluation.status == Status::evaluated ? trained : others;
    ++bins.values[bins.at(*one.evaluation.finished_at)];
    ++total;
  }
  const double per_hour = seconds_per_hour / trained.width;
  chart.series.push_back(trained.series("evaluated", per_hour, unit));
  const bool any_others = std::ranges::any_of(others.values, [](double n) { return n > 0.0; });
  if (any_others) chart.series.push_back(others.series("not evaluated, or failed", per_hour, unit));
  const double average = static_cast<double>(total) * seconds_per_hour / time;
  chart.summary = average < 10.0 ? fmt::format("{:.1f} evaluations per hour on average.", average)
                                 : fmt::format("{} evaluations per hour on average.",
                                               core::grouped_text(std::lround(average)));
  return chart;
}

}  // namespace

std::vector<std::size_t> pareto_front(const std::vector<double>& x, const std::vector<double>& y) {
  std::vector<std::size_t> order(x.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::sort(order, [&](std::size_t a, std::size_t b) {
    return x[a] != x[b] ? x[a] < x[b] : y[a] > y[b];
  });
  std::vector<std::size_t> front;
  for (const std::size_t i : order) {
    if (front.empty() || y[i] > y[front.back()]) front.push_back(i);
  }
  return front;
}

std::vector<double> best_so_far(const std::vector<Individual>& history) {
  std::vector<double> best;
  best.reserve(history.size());
  double highest = 0.0;
  for (const Individual& one : history) {
    if (has_fitness(one)) highest = std::max(highest, one.evaluation.fitness);
    best.push_back(highest);
  }
  return best;
}

std::vector<Chart> search_charts(const RunData& run, const std::string& prefix) {
  using evolution::Evaluation;
  std::vector<Chart> charts;
  if (has_front(run)) charts.push_back(front_chart(run, prefix));
  charts.push_back(fitness_chart(run, prefix));
  charts.push_back(parameters_chart(run, prefix));
  charts.push_back(cost_chart(run, prefix, "accuracy-parameters", "parameters", "Parameters",
                              &Evaluation::parameters));
  charts.push_back(cost_chart(run, prefix, "accuracy-macs", "MACs",
                              "Multiply-accumulates for one image", &Evaluation::macs));
  charts.push_back(busy_chart(run, prefix));
  charts.push_back(pace_chart(run, prefix));
  return charts;
}

}  // namespace hierevo::report
