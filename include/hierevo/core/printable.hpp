#pragma once

#include <string>
#include <string_view>

namespace hierevo::core {

/// `text` as part of one line that cannot steer a terminal: control characters, line breaks too,
/// what turns the direction of writing around, and bytes that are no UTF-8 become `\n`, `\x1b` and
/// the like. For whatever hierevo did not make itself: reasons, names of hosts and files, what
/// other programs print.
std::string printable(std::string_view text);

}  // namespace hierevo::core
