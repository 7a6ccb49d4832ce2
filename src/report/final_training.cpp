#include "hierevo/report/final_training.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string_view>

#include "hierevo/core/error.hpp"
#include "hierevo/core/file.hpp"
#include "hierevo/core/numbers.hpp"
#include "hierevo/core/statistics.hpp"
#include "hierevo/genome/codec.hpp"
#include "hierevo/search/data_record.hpp"

namespace hierevo::report {

namespace fs = std::filesystem;
using nlohmann::json;

namespace {

constexpr std::string_view repeat_folder = "repeat-";

/// A start resumes from a save, and logs the steps since then again.
void forget_after(std::vector<AtStep>& values, std::int64_t step) {
  std::erase_if(values, [step](const AtStep& value) { return value.step > step; });
}

void take_line(const json& line, Repeat& repeat) {
  const auto event = line.at("event").get<std::string>();
  const auto step = line.at("step").get<std::int64_t>();
  if (event == "start") {
    forget_after(repeat.losses, step);
    forget_after(repeat.seconds, step);
    forget_after(repeat.accuracies, step);
  } else if (event == "step") {
    if (line.at("loss").is_number()) repeat.losses.push_back({step, line["loss"].get<double>()});
    repeat.seconds.push_back({step, line.value("seconds", 0.0)});
    repeat.images_per_second = line.value("images_per_second", 0.0);
  } else if (event == "test") {
    repeat.accuracies.push_back({step, line.at("top1").get<double>()});
  } else if (event == "end") {
    repeat.top1 = line.at("top1").get<double>();
    repeat.top5 = line.at("top5").get<double>();
  }
}

Repeat read_repeat(const fs::path& folder, int number) {
  Repeat repeat{.number = number};
  // A thousand lines of each start, and there may be many.
  constexpr std::size_t longest_log = std::size_t{1} << 27;
  std::istringstream log(core::read_text_file(folder / "log.jsonl", longest_log));
  for (std::string text; std::getline(log, text);) {
    try {
      take_line(json::parse(text), repeat);
    } catch (const json::exception&) {
      continue;  // a line that a kill has cut off
    }
  }
  return repeat;
}

}  // namespace

std::string short_name(const fs::path& folder) {
  return fs::absolute(folder / "").lexically_normal().parent_path().filename().string();
}

FinalTraining read_final_training(const TrainingSource& source) {
  FinalTraining training{.folder = source.folder,
                         .name = short_name(source.folder),
                         .model = source.model,
                         .genotype = genome::read_genotype(source.folder / "genotype.json")};
  if (const auto data = search::recorded_data(source.folder)) training.data = data->name;
  for (const fs::path& entry : core::entries_of(source.folder)) {
    const std::string name = entry.filename().string();
    if (!name.starts_with(repeat_folder)) continue;
    std::string_view digits = std::string_view(name).substr(repeat_folder.size());
    const auto number = core::take_number<int>(digits);
    if (!number || !digits.empty() || !core::path_exists(entry / "log.jsonl")) continue;
    training.repeats.push_back(read_repeat(entry, *number));
  }
  std::ranges::sort(training.repeats, {}, &Repeat::number);
  return training;
}

std::optional<FinalTraining::Accuracy> FinalTraining::accuracy() const {
  std::vector<double> top1;
  std::vector<double> top5;
  for (const Repeat& repeat : repeats) {
    if (!repeat.top1) continue;
    top1.push_back(*repeat.top1);
    top5.push_back(repeat.top5.value_or(0.0));
  }
  const auto found = core::mean_and_deviation(top1);
  if (!found) return std::nullopt;
  return Accuracy{.repeats = top1.size(),
                  .top1 = found->mean,
                  .top1_deviation = found->deviation,
                  .top5 = core::mean_and_deviation(top5)->mean};
}

}  // namespace hierevo::report
