// Texts of people and for people.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace hierevo::spank {

/// What somebody gave, fit for a line of a log: control characters become '?', and of a long text
/// only the beginning is there.
std::string shown(std::string_view text);

/// A number of bytes such as 4096, 200G or 1.5T (powers of 1024). Throws UsageError, which begins
/// with `what`.
std::uint64_t parse_size(std::string_view what, std::string_view text);
/// "1.5 GiB".
std::string size_text(std::uint64_t bytes);

}  // namespace hierevo::spank
