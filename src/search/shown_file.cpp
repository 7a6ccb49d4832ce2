#include "shown_file.hpp"

#include <fstream>
#include <nlohmann/json.hpp>
#include <system_error>

namespace hierevo::search {

namespace {

std::filesystem::path new_file(const std::filesystem::path& file) {
  return file.string() + ".tmp";
}

}  // namespace

void show_file(const std::filesystem::path& file, const nlohmann::json& contents) {
  std::ofstream out(new_file(file));
  out << contents.dump(1, ' ', false, nlohmann::json::error_handler_t::replace) << '\n';
  out.close();
  std::error_code ignored;
  if (out) std::filesystem::rename(new_file(file), file, ignored);
}

void remove_shown_file(const std::filesystem::path& file) {
  std::error_code ignored;
  std::filesystem::remove(new_file(file), ignored);
  std::filesystem::remove(file, ignored);
}

}  // namespace hierevo::search
