#pragma once

#include <string>
#include <vector>

namespace hierevo::data {

/// "0", "1", … for classes that have no names.
inline std::vector<std::string> numbered_names(int count) {
  std::vector<std::string> names;
  for (int i = 0; i < count; ++i) names.push_back(std::to_string(i));
  return names;
}

}  // namespace hierevo::data
