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
#include "recorded_search.hpp"
#include "terminal.hpp"

namespace hierevo::app {

namespace {

namespace fs = std::filesystem;
using core::duration_text;
using core::grouped_text;
using nlohmann::json;
using report::AtStep;

/// Of what people and scripts alone read: anything else than an object is as good as nothing.
json object_in(const fs::path& file) {
  try {
    json found = json::parse(core::read_text_file(file));
    if (found.is_object()) return found;
  } catch (const core::IoError&) {
  } catch (const json::exception&) {
  }
  return json::object();
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

json repeat_status(const report::Repeat& repeat, const fs::path& folder) {
  const json progress = object_in(folder / "progress.json");
  const auto steps = progress.value("steps", std::int64_t{0});
  std::string state = progress.value("state", "running");
  if (repeat.top1) {
    state = "finished";
  } else if (core::directory_claimed(folder)) {
    state = "running";
  } else if (state == "running") {
    state = "stopped";  // what a kill leaves behind
  }
  json status = {{"repeat", repeat.number},
                 {"state", state},
                 {"step", progress.value("step", std::int64_t{0})},
                 {"steps", steps},
                 {"loss", json()},
                 {"images_per_second", repeat.images_per_second},
                 {"top1", json()},
                 {"remaining_seconds", json()}};
  if (!repeat.losses.empty()) {
    status["step"] = std::max(status["step"].get<std::int64_t>(), repeat.losses.back().step);
    status["loss"] = repeat.losses.back().value;
  }
  if (!repeat.accuracies.empty()) status["top1"] = repeat.accuracies.back().value;
  if (repeat.top1) status["top1"] = *repeat.top1;
  if (state != "finished") status["remaining_seconds"] = remaining_seconds(repeat.seconds, steps);
  return status;
}

/// The state of a training by those of its repeats.
std::string state_of(const json& repeats) {
  for (const char* state : {"running", "stopped", "saved"}) {
    const bool any = std::ranges::any_of(
        repeats, [state](const json& repeat) { return repeat["state"] == state; });
    if (any) return state;
  }
  return repeats.empty() ? "stopped" : "finished";
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
  json repeats = json::array();
  for (const report::Repeat& repeat : training.repeats) {
    repeats.push_back(repeat_status(repeat, folder / fmt::format("repeat-{}", repeat.number)));
  }
  json status = {{"training", folder.string()},
                 {"state", state_of(repeats)},
                 {"model", training.model},
                 {"data", training.data},
                 {"repeats", repeats},
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
    add("accuracy", toned(text + " on the test set", Tone::strong, colours));
  }
  return lines;
}

}  // namespace hierevo::app
