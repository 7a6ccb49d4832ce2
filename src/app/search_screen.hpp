// The state of a search for people: search_status() as the lines of a terminal.
#pragma once

#include <cstddef>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

namespace hierevo::app {

/// Ranks and their candidates take at most `most_lines` lines; ranks with problems come first.
std::vector<std::string> search_screen(const nlohmann::json& status, std::size_t most_lines,
                                       bool colours);

}  // namespace hierevo::app
