#include "data_file.hpp"

#include <fmt/format.h>

#include "hierevo/core/error.hpp"
#include "hierevo/core/file.hpp"

namespace hierevo::data {

namespace fs = std::filesystem;

std::vector<std::byte> read_data_file(const fs::path& path) {
  try {
    return core::read_file(path, longest_data_file);
  } catch (const core::IoError& error) {
    throw core::UsageError(error.what());
  }
}

void refuse_data_file(const fs::path& path, std::size_t offset, std::string_view why) {
  throw core::UsageError(fmt::format("Cannot use '{}'", path.string()),
                         fmt::format("at byte {}: {}", offset, why), "Fetch the file again.");
}

}  // namespace hierevo::data
