// Quantities as people read them.
#pragma once

#include <cstdint>
#include <string>

namespace hierevo::core {

/// "42 s", "3:20 min", "5:03:20 h". Of what is no duration, 0 s or some 30,000 years.
std::string duration_text(double seconds);

/// "1,234,567".
std::string grouped_text(std::int64_t number);

/// "1 candidate", "2 candidates".
std::string counted_text(std::size_t count, const std::string& noun);

}  // namespace hierevo::core
