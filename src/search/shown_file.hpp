// Files of a run that only people look at.
#pragma once

#include <filesystem>
#include <nlohmann/json_fwd.hpp>

namespace hierevo::search {

/// Replaces `file` at once, through FILE.tmp. Errors are ignored, and it need not outlast a power
/// cut.
void show_file(const std::filesystem::path& file, const nlohmann::json& contents);
/// Removes it and FILE.tmp.
void remove_shown_file(const std::filesystem::path& file);

}  // namespace hierevo::search
