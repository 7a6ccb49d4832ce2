#include "training_status.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <string_view>

#include "hierevo/core/claim_directory.hpp"
#include "hierevo/core/error.hpp"
#include "hierevo/core/file.hpp"
#include "hierevo/core/quantity_text.hpp"
#include "hierevo/report/final_training.hpp"
#include "hierevo/search/whole_number.hpp"
#include "recorded_search.hpp"
#include "terminal.hpp"

namespace hierevo::app {

namespace {

namespace fs = std::filesystem;
using core::duration_text;
using core::grouped_text;
using nlohmann::json;
using report::AtStep;

/// What progress.json of a repeat says.
struct RepeatProgress {
  std::string state = "running";
  std::int64_t step = 0;
  std::int64_t steps = 0;
};

/// Only people and scripts read it: a file that is none is as good as none.
RepeatProgress progress_in(const fs::path& folder, std::int64_t all_steps) {
  try {
    const json found = json::parse(core::read_text_file(folder / "progress.json"));
    return {.state = found.at("state").get<std::string>(),
            .step = search::whole_number<std::int64_t>(found, "step"),
            .steps = search::whole_number<std::int64_t>(found, "steps")};
  } catch (const core::Error&) {
  } catch (const json::exception&) {
  }
  return {.steps = all_steps};
}

/// By the pace of the latest steps; null where nothing can be said.
json remaining_seconds(const std::vector<AtStep>& seconds, std::int64_t steps) {
  constexpr std::size_t most = 20;
  if (seconds.size() < 2) return json();
  const AtStep& last = seconds.back();
  const AtStep& before = seconds[seconds.size() - 1 - std::min(most, seconds.size() - 1)];
  if (last.step <= before.step || last.step > steps) return json();
  return (last.value - before.value) / static_cast<double>(last.step - before.step) *
         static_cast<double>(steps - last.step);
}

/// `all_steps` of the training, for a repeat that has not yet been saved.
json repeat_status(const report::Repeat& repeat, const fs::path& folder, std::int64_t all_steps) {
  const RepeatProgress progress = progress_in(folder, all_steps);
  const std::string state =
      repeat.top1 ? "finished"
                  : core::present_state(progress.state, core::directory_claimed(folder));
  json status = {{"repeat", repeat.number}, {"state", state},
                 {"step", progress.step},   {"steps", progress.steps},
                 {"loss", json()},          {"images_per_second", repeat.images_per_second},
                 {"top1", json()},          {"remaining_seconds", json()}};
  if (!repeat.losses.empty()) {
    status["step"] = std::max(status["step"].get<std::int64_t>(), repeat.losses.back().step);
    status["loss"] = repeat.losses.back().value;
  }
  if (!repeat.accuracies.empty()) status["top1"] = repeat.accuracies.back().value;
  if (repeat.top1) status["top1"] = *repeat.top1;
  if (state != "finished")
    status["remaining_seconds"] = remaining_seconds(repeat.seconds, progress.steps);
  return status;
}

/// The state of a training by those of its repeats. One with repeats that have not begun is saved.
std::string state_of(const json& repeats, std::int64_t wanted, bool claimed) {
  if (claimed) return "running";
  for (const char* state : {"running", "stopped", "saved"}) {
    const bool any = std::ranges::any_of(
        repeats, [state](const json& repeat) { return repeat["state"] == state; });
    if (any) return state;
  }
  if (repeats.empty()) return "stopped";
  return std::ssize(repeats) < wanted ? "saved" : "finished";
}

Tone tone_of(const std::string& state) {
  return state == "stopped" ? Tone::bad : state == "saved" ? Tone::warning : Tone::good;
}

std::string repeat_text(const json& repeat) {
  const auto step = repeat["step"].get<std::int64_t>();
  const auto steps = repeat["steps"].get<std::int64_t>();
  std::string text;
  if (repeat["state"] != "finished") {
    const double share = steps > 0 ? static_cast<double>(step) / static_cast<double>(steps) : 0.0;
    text +=
        fmt::format(" {} step {} of {}", bar(share, 20), grouped_text(step), grouped_text(steps));
    if (repeat["loss"].is_number())
      text += fmt::format(", loss {:.4f}", repeat["loss"].get<double>());
    if (repeat["state"] == "running") {
      text += fmt::format(", {:.0f} images/s", repeat["images_per_second"].get<double>());
    }
  }
  if (repeat["top1"].is_number()) {
    text += fmt::format("{} test accuracy {:.4f}", text.empty() ? "" : ",",
                        repeat["top1"].get<double>());
  }
  if (repeat["remaining_seconds"].is_number()) {
    text +=
        fmt::format(", about {} left", duration_text(repeat["remaining_seconds"].get<double>()));
  }
  return text;
}

}  // namespace

bool is_training(const fs::path& folder) {
  std::error_code none;
  return fs::exists(folder / "genotype.json", none) && fs::exists(folder / "config.ini", none);
}

json training_status(const fs::path& folder) {
  const report::FinalTraining training = report::read_final_training(training_source(folder));
  const std::int64_t steps = recorded_number<std::int64_t>(folder, "steps").value_or(0);
  const std::int64_t wanted = recorded_number<std::int64_t>(folder, "repeats").value_or(0);
  json repeats = json::array();
  for (const report::Repeat& repeat : training.repeats) {
    repeats.push_back(
        repeat_status(repeat, folder / fmt::format("repeat-{}", repeat.number), steps));
  }
  json status = {{"training", folder.string()},
                 {"state", state_of(repeats, wanted, core::directory_claimed(folder))},
                 {"model", training.model},
                 {"data", training.data},
                 {"repeats", repeats},
                 {"repeats_wanted", wanted},
                 {"test_accuracy", json()},
                 {"test_accuracy_deviation", json()}};
  if (const auto accuracy = training.accuracy()) {
    status["test_accuracy"] = accuracy->top1;
    if (accuracy->top1_deviation) status["test_accuracy_deviation"] = *accuracy->top1_deviation;
  }
  return status;
}

std::vector<std::string> training_screen(const json& status, bool colours) {
  const auto state = status["state"].get<std::string>();
  std::vector<std::string> lines = {
      toned(status["training"].get<std::string>(), Tone::strong, colours) + ": " +
      toned(state, tone_of(state), colours)};
  const auto add = [&](std::string_view label, const std::string& shown) {
    lines.push_back("  " + toned(fmt::format("{:<11}", label), Tone::faint, colours) + " " + shown);
  };
  std::string model = status["model"].get<std::string>();
  if (const auto data = status["data"].get<std::string>(); !data.empty()) model += " on " + data;
  add("model", toned(model, Tone::plain, colours));
  for (const json& repeat : status["repeats"]) {
    const auto its_state = repeat["state"].get<std::string>();
    add(fmt::format("repeat {}", repeat["repeat"].get<int>()),
        toned(its_state, tone_of(its_state), colours) +
            toned(repeat_text(repeat), Tone::plain, colours));
  }
  if (status["test_accuracy"].is_number()) {
    std::string text = fmt::format("{:.4f}", status["test_accuracy"].get<double>());
    if (status["test_accuracy_deviation"].is_number()) {
      text += fmt::format(" ± {:.4f}", status["test_accuracy_deviation"].get<double>());
    }
    text += " on the test set";
    const auto wanted = status["repeats_wanted"].get<std::int64_t>();
    const auto finished = std::ranges::count(status["repeats"], "finished",
                                             [](const json& repeat) { return repeat["state"]; });
    if (finished < wanted) text += fmt::format(", over {} of {} repeats", finished, wanted);
    add("accuracy", toned(text, Tone::strong, colours));
  }
  return lines;
}

}  // namespace hierevo::app
