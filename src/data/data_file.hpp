#pragma once

#include <cstddef>
#include <filesystem>
#include <string_view>
#include <vector>

namespace hierevo::data {

/// Far above any publisher's file; a damaged or hostile one must not exhaust the memory.
inline constexpr std::size_t longest_data_file = std::size_t{1} << 31;

/// All bytes of a publisher's file. Throws UsageError when it cannot be read or is longer.
std::vector<std::byte> read_data_file(const std::filesystem::path& path);

/// Throws the UsageError about what is wrong at byte `offset` of a publisher's file.
[[noreturn]] void refuse_data_file(const std::filesystem::path& path, std::size_t offset,
                                   std::string_view why);

}  // namespace hierevo::data
