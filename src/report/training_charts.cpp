#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <map>

#include "hierevo/report/run_charts.hpp"

namespace hierevo::report {

namespace {

using evolution::Individual;

constexpr const char* training_step = "Training step";

Chart curves(const RunData& run, Chart chart, std::vector<AtStep> Repeat::*values, Marks marks) {
  for (const FinalTraining& training : run.trainings) {
    for (const Repeat& repeat : training.repeats) {
      Series series{.label = fmt::format("{}, repeat {}", training.name, repeat.number),
                    .marks = marks};
      for (const AtStep& at : repeat.*values) {
        series.x.push_back(static_cast<double>(at.step));
        series.y.push_back(at.value);
      }
      if (!series.x.empty()) chart.series.push_back(std::move(series));
    }
  }
  return chart;
}

/// A trained individual of the run.
struct Trained {
  std::size_t step = 0;  ///< of the evolution
  double fitness = 0.0;
  double accuracy = 0.0;
  std::uint64_t individual = 0;
};

/// By model, in the order of the evolution.
std::map<std::string, std::vector<Trained>> trained_by_model(const RunData& run) {
  std::map<std::string, std::vector<Trained>> trained;
  const auto& history = run.history();
  for (const FinalTraining& training : run.trainings) {
    const auto accuracy = training.accuracy();
    if (!accuracy || !training.individual) continue;
    const auto found = std::ranges::find_if(
        history, [&](const Individual& one) { return one.candidate.id == *training.individual; });
    trained[training.model].push_back({static_cast<std::size_t>(found - history.begin()) + 1,
                                       found->evaluation.fitness, accuracy->top1,
                                       number(*training.individual)});
  }
  for (auto& [model, list] : trained) std::ranges::sort(list, {}, &Trained::step);
  return trained;
}

Series gain(const std::string& label, const std::vector<Trained>& trained,
            double Trained::*accuracy) {
  Series series{.label = label, .marks = Marks::line};
  for (const Trained& one : trained) {
    series.x.push_back(static_cast<double>(one.step));
    series.y.push_back(100.0 * (one.*accuracy - trained.front().*accuracy));
    series.individual.push_back(one.individual);
  }
  return series;
}

Chart gain_chart(const RunData& run, const std::string& prefix) {
  Chart chart{.id = prefix + "gain",
              .title = "Gain of accuracy along the evolution",
              .summary =
                  "By how much individuals that were trained are more accurate than the "
                  "first of them, in the search and in the final training.",
              .x = {evolution_step},
              .y = {"Gain (percentage points)"},
              .series = {}};
  for (const auto& [model, trained] : trained_by_model(run)) {
    if (trained.size() < 2) continue;
    chart.series.push_back(gain("fitness (those of " + model + ")", trained, &Trained::fitness));
    chart.series.push_back(gain(model, trained, &Trained::accuracy));
  }
  return chart;
}

}  // namespace

std::vector<Chart> training_charts(const RunData& run, const std::string& prefix) {
  std::vector<Chart> charts = {
      curves(run,
             {.id = prefix + "loss",
              .title = "Training loss",
              .summary = "The loss of each final training.",
              .x = {training_step},
              .y = {"Loss"},
              .series = {}},
             &Repeat::losses, Marks::line),
      curves(run,
             {.id = prefix + "test-accuracy",
              .title = "Test accuracy",
              .summary = "The accuracy on the test set of each final training.",
              .x = {training_step},
              .y = {"Top-1 accuracy"},
              .series = {}},
             &Repeat::accuracies, Marks::line),
      gain_chart(run, prefix)};
  std::erase_if(charts, [](const Chart& chart) { return chart.empty(); });
  return charts;
}

}  // namespace hierevo::report
