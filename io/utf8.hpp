#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace hierevo::io {

/// `text` as HDF5 and its readers require it: every byte that is not part of valid UTF-8, and every
/// zero byte, becomes U+FFFD, the replacement character.
std::string to_utf8(std::string_view text);
std::vector<std::string> to_utf8(std::span<const std::string> texts);

/// The reason of an evaluation as every hierevo file has it: as UTF-8, and no longer than
/// evolution::longest_reason.
std::string stored_reason(std::string_view reason);

}  // namespace hierevo::io
