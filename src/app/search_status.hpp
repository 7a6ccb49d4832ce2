// How a search is doing: for programs as JSON, and that for people as a screen.
#pragma once

#include <filesystem>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

namespace hierevo::app {

/// Throws as read_run().
nlohmann::json search_status(const std::filesystem::path& run);

/// At most `most_ranks` ranks are listed, those with problems first.
std::vector<std::string> search_screen(const nlohmann::json& status, std::size_t most_ranks,
                                       bool colours);

}  // namespace hierevo::app
