// How a final training is doing: for programs as JSON, and that for people as a screen.
#pragma once

#include <filesystem>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

namespace hierevo::app {

/// Whether `folder` is one of `hierevo train`.
bool is_training(const std::filesystem::path& folder);

/// Throws UsageError and IoError for what cannot be read.
nlohmann::json training_status(const std::filesystem::path& folder);

std::vector<std::string> training_screen(const nlohmann::json& status, bool colours);

}  // namespace hierevo::app
