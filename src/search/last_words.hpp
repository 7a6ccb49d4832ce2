// The end of what a program has printed, for the message that says how it ended.
#pragma once

#include <string>
#include <string_view>

namespace hierevo::search {

class LastWords {
 public:
  void add(std::string_view printed);
  void clear() { kept_.clear(); }
  /// `text` with the last lines that were printed, where there are some, in one line.
  std::string behind(const std::string& text) const;

 private:
  std::string kept_;
};

}  // namespace hierevo::search
