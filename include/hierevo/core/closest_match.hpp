#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "hierevo/core/error.hpp"

namespace hierevo::core {

/// The candidate that a person most likely meant by `word`: the one with the fewest edits
/// (insertion, deletion, substitution, swap of neighbours), when these are few enough to be a slip.
std::optional<std::string> closest_match(std::string_view word,
                                         std::span<const std::string> candidates);

/// "Did you mean 'x'?", or else "Known: a, b, c."
std::string suggestion_for(std::string_view word, std::span<const std::string> candidates);

/// "There is no KIND 'name'. Did you mean …", to be thrown.
UsageError unknown_name(std::string_view kind, std::string_view name,
                        std::span<const std::string> known);

}  // namespace hierevo::core
