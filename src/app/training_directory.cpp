#include "training_directory.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <nlohmann/json.hpp>
#include <string_view>
#include <utility>
#include <vector>

#include "hierevo/core/claim_directory.hpp"
#include "hierevo/core/error.hpp"
#include "hierevo/core/file.hpp"
#include "hierevo/genome/codec.hpp"
#include "hierevo/search/data_record.hpp"

namespace hierevo::app {

namespace fs = std::filesystem;

namespace {

constexpr std::string_view markers[] = {"genotype.json"};
constexpr std::string_view repeat_markers[] = {"last.h5", "result.json", "log.jsonl"};
constexpr const char* result_name = "result.json";
/// Where locks do not hold, two may write the same file.
constexpr auto several = core::Writers::several;

constexpr core::Claim repeat_claim{"folder of a repeat", repeat_markers};

fs::path cell_file(const fs::path& path) {
  return path / "genotype.json";
}
fs::path configuration_file(const fs::path& path) {
  return path / "config.ini";
}

void require_same_cell(const fs::path& path, const genome::Genotype& then,
                       const genome::Genotype& now, const TrainingDirectory::IdOf& id_of) {
  if (then == now) return;
  const std::string problem =
      fmt::format("'{}' contains a training of another cell", path.string());
  const auto id = id_of ? id_of(then) : std::nullopt;
  if (!id) throw core::UsageError(problem, "its genotype.json differs", "Choose another --out.");
  throw core::UsageError(
      problem,
      fmt::format("individual {}'s, which may have been the best when the training began", *id),
      fmt::format("Give --id {} to resume it, or choose another --out.", *id));
}

bool has_saved_network(const fs::path& path) {
  const std::vector<fs::path> entries = core::entries_of(path);
  return std::any_of(entries.begin(), entries.end(), [](const fs::path& entry) {
    return entry.filename().string().starts_with("repeat-") && core::path_exists(entry / "last.h5");
  });
}

}  // namespace

void TrainingDirectory::require_same(const fs::path& path, const OptionSet& options,
                                     const genome::Genotype& genotype, const IdOf& id_of) {
  const fs::path cell = cell_file(path);
  if (core::path_exists(cell)) {
    require_same_cell(path, genome::read_genotype(cell), genotype, id_of);
  }
  const fs::path configuration = configuration_file(path);
  if (!core::path_exists(configuration)) {
    if (has_saved_network(path)) throw options_lost(path.string(), "--out");
    return;
  }
  options.require_same(core::read_text_file(configuration), path.string(), "--out");
}

void TrainingDirectory::require_same_data(const fs::path& path, const TrainingDataFacts& data) {
  const auto then = search::recorded_data(path);
  if (!then || search::same_data(*then, data.data)) return;
  throw core::UsageError(
      fmt::format("'{}' contains a training on other data", path.string()),
      fmt::format("it began with {}, and these are {}", description(*then), description(data.data)),
      "Use the data that it began with, or choose another --out.");
}

TrainingDirectory::TrainingDirectory(fs::path path, const OptionSet& options,
                                     const genome::Genotype& genotype,
                                     const TrainingDataFacts& data)
    : path_(std::move(path)) {
  const core::DirectoryClaim lock = claim_all();
  lock.remove_cut_off_writes();
  require_same(path_, options, genotype, {});
  require_same_data(path_, data);
  core::replace_file(configuration_file(path_), std::string_view(options.record()), several);
  if (!core::path_exists(cell_file(path_))) {
    core::replace_file(cell_file(path_), std::string_view(genome::json_text(genotype) + "\n"),
                       several);
  }
  if (search::recorded_data(path_)) return;
  search::record_data(path_, data.data,
                      {{"class_names", data.class_names}, {"test_images", data.test_images}});
}

/// Nobody keeps it for long.
core::DirectoryClaim TrainingDirectory::claim_all() const {
  return {path_, {"folder of a training", markers}, std::chrono::seconds(30)};
}

core::DirectoryClaim TrainingDirectory::claim(int repeat) const {
  core::DirectoryClaim claim(folder(repeat), repeat_claim);
  claim.take_over();
  return claim;
}

fs::path TrainingDirectory::folder(int repeat) const {
  return path_ / fmt::format("repeat-{}", repeat);
}

std::optional<std::string> TrainingDirectory::result(int repeat) const {
  const fs::path path = folder(repeat) / result_name;
  if (!core::path_exists(path)) return std::nullopt;
  return core::read_text_file(path);
}

void TrainingDirectory::save_result(int repeat, const std::string& text) const {
  core::replace_file(folder(repeat) / result_name, std::string_view(text), several);
}

void TrainingDirectory::save_progress(int repeat, const std::string& text) const {
  core::replace_file(folder(repeat) / "progress.json", std::string_view(text), several);
}

void TrainingDirectory::save_result(const std::string& text) const {
  // That of another process is written to the same place.
  const core::DirectoryClaim lock = claim_all();
  core::replace_file(path_ / result_name, std::string_view(text), several);
}

}  // namespace hierevo::app
