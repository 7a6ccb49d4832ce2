// Text that people write and read.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace hierevo::spank {

/// User input made fit for a log line: control characters become '?', and long texts are cut.
std::string shown(std::string_view text);

/// A number of bytes such as 4096, 200G or 1.5T (powers of 1024). Throws UsageError, which begins
/// with `what`.
std::uint64_t parse_size(std::string_view what, std::string_view text);
/// "1.5 GiB".
std::string size_text(std::uint64_t bytes);

}  // namespace hierevo::spank
