#include "shown_file.hpp"

#include <nlohmann/json.hpp>
#include <system_error>

#include "hierevo/core/error.hpp"
#include "hierevo/core/file.hpp"

namespace hierevo::search {

namespace {

std::filesystem::path new_file(const std::filesystem::path& file) {
  return file.string() + ".tmp";
}

}  // namespace

void show_file(const std::filesystem::path& file, const nlohmann::json& contents) {
  constexpr auto replace = nlohmann::json::error_handler_t::replace;
  try {
    core::replace_file_unsynced(file, contents.dump(1, ' ', false, replace) + '\n');
  } catch (const core::IoError&) {
    // The next one may be written.
  }
}

void remove_shown_file(const std::filesystem::path& file) {
  std::error_code ignored;
  std::filesystem::remove(new_file(file), ignored);
  std::filesystem::remove(file, ignored);
}

}  // namespace hierevo::search
