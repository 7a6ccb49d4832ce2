// How a search is doing, as JSON.
#pragma once

#include <filesystem>
#include <nlohmann/json_fwd.hpp>

namespace hierevo::app {

/// Throws as read_run().
nlohmann::json search_status(const std::filesystem::path& run);

}  // namespace hierevo::app
