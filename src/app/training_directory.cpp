#include "training_directory.hpp"

#include <fmt/format.h>

#include <chrono>
#include <nlohmann/json.hpp>
#include <string_view>
#include <utility>

#include "hierevo/core/claim_directory.hpp"
#include "hierevo/core/error.hpp"
#include "hierevo/core/file.hpp"
#include "hierevo/genome/codec.hpp"

namespace hierevo::app {

namespace fs = std::filesystem;

namespace {

constexpr std::string_view markers[] = {"genotype.json"};
constexpr std::string_view repeat_markers[] = {"last.h5", "result.json"};
constexpr const char* result_name = "result.json";

/// More repeats may be asked for later, and where the data lie is not what is computed.
const std::vector<std::string> may_change = {"repeats", "data-dir"};

}  // namespace

TrainingDirectory::TrainingDirectory(fs::path path, const OptionSet& options,
                                     const genome::Genotype& genotype,
                                     const TrainingDataFacts& data)
    : path_(std::move(path)) {
  const core::FileLock lock = claim_all();
  const fs::path configuration = path_ / "config.ini";
  const fs::path cell = path_ / "genotype.json";
  if (core::path_exists(cell) && genome::read_genotype(cell) != genotype) {
    throw core::UsageError(fmt::format("'{}' has a training of another cell", path_.string()),
                           "its genotype.json differs", "Choose another --out.");
  }
  if (core::path_exists(configuration)) {
    options.require_same(core::read_text_file(configuration), may_change, path_.string(), "--out");
  }
  require_same_data(data);
  core::replace_file(configuration, std::string_view(options.record()));
  if (!core::path_exists(cell)) {
    core::replace_file(cell, std::string_view(genome::json_text(genotype) + "\n"));
  }
}

void TrainingDirectory::require_same_data(const TrainingDataFacts& data) const {
  const fs::path file = path_ / "data.json";
  const nlohmann::json now = {{"name", data.name},
                              {"classes", data.class_names},
                              {"training_images", data.training_images},
                              {"held_out_images", data.held_out_images},
                              {"test_images", data.test_images},
                              {"fingerprint", fmt::format("{:016x}", data.fingerprint)}};
  if (!core::path_exists(file)) {
    const std::string text =
        now.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
    core::replace_file(file, std::string_view(text));
    return;
  }
  const auto then = nlohmann::json::parse(core::read_text_file(file), nullptr,
                                          /*allow_exceptions=*/false);
  if (then.is_object() && then.contains("fingerprint") &&
      then["fingerprint"] == now["fingerprint"]) {
    return;
  }
  throw core::UsageError(
      fmt::format("'{}' has a training on other data", path_.string()),
      fmt::format("its data.json tells of others than these {} training images of '{}'",
                  data.training_images, data.name),
      "Give the data that it began with, or choose another --out.");
}

/// Nobody keeps it for long.
core::FileLock TrainingDirectory::claim_all() const {
  return core::claim_directory(path_, {"folder of a training", "--out", markers},
                               std::chrono::seconds(30));
}

core::FileLock TrainingDirectory::claim(int repeat) const {
  return core::claim_directory(folder(repeat), {"folder of a repeat", "--out", repeat_markers});
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
  core::replace_file(folder(repeat) / result_name, std::string_view(text));
}

void TrainingDirectory::save_progress(int repeat, const std::string& text) const {
  core::replace_file(folder(repeat) / "progress.json", std::string_view(text));
}

void TrainingDirectory::save_result(const std::string& text) const {
  const core::FileLock lock = claim_all();  // that of another process is written to the same place
  core::replace_file(path_ / result_name, std::string_view(text));
}

}  // namespace hierevo::app
