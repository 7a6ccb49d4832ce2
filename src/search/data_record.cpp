#include "hierevo/search/data_record.hpp"

#include <nlohmann/json.hpp>
#include <string_view>

#include "hierevo/core/error.hpp"
#include "hierevo/core/file.hpp"
#include "hierevo/core/numbers.hpp"
#include "hierevo/search/whole_number.hpp"

namespace hierevo::search {

namespace fs = std::filesystem;
using nlohmann::json;

namespace {

constexpr const char* format = "hierevo.data-record";
constexpr int version = 1;

fs::path record_in(const fs::path& folder) {
  return folder / "data.json";
}

/// Throws json::exception or UsageError.
std::optional<DataFacts> facts_in(const json& record) {
  if (record.at("format") != format || record.at("version") != version) return std::nullopt;
  const auto fingerprint =
      core::parse_number<std::uint64_t>(record.at("fingerprint").get<std::string>(), 16);
  if (!fingerprint) return std::nullopt;
  return DataFacts{.input_channels = whole_number<int>(record, "channels"),
                   .classes = whole_number<int>(record, "classes"),
                   .fingerprint = *fingerprint,
                   .image_size = whole_number<int>(record, "image_size"),
                   .name = record.at("name").get<std::string>(),
                   .training_images = whole_number<std::int64_t>(record, "training_images"),
                   .held_out_images = whole_number<std::int64_t>(record, "held_out_images")};
}

}  // namespace

std::optional<DataFacts> recorded_data(const fs::path& folder) {
  const fs::path path = record_in(folder);
  if (!core::path_exists(path)) return std::nullopt;
  try {
    if (const auto facts = facts_in(json::parse(core::read_text_file(path)))) return facts;
  } catch (const json::exception&) {
    // As below.
  } catch (const core::UsageError&) {
    // As below.
  }
  throw core::CheckpointError(path, "it does not say which data were read",
                              "it is damaged, or of another version of hierevo",
                              "Remove it if today's data are those that all there began with.");
}

void record_data(const fs::path& folder, const DataFacts& data, const json& besides) {
  json record = {{"format", format},
                 {"version", version},
                 {"name", data.name},
                 {"channels", data.input_channels},
                 {"classes", data.classes},
                 {"image_size", data.image_size},
                 {"training_images", data.training_images},
                 {"held_out_images", data.held_out_images},
                 {"fingerprint", fingerprint_text(data.fingerprint)}};
  record.update(besides);
  const std::string text = record.dump(2, ' ', false, json::error_handler_t::replace) + "\n";
  core::replace_file(record_in(folder), std::string_view(text), core::Writers::several);
}

}  // namespace hierevo::search
