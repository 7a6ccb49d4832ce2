// What a foreign program prints for people, in the log of the search.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "hierevo/evolution/individual.hpp"
#include "last_words.hpp"

namespace hierevo::search {

class ProgramLog {
 public:
  /// What comes is of this candidate from now on, or of none.
  void begin(std::optional<evolution::IndividualId> id);
  /// Logs the lines of `text` that are whole and removes them; with `all` what is left, too.
  /// Of each candidate no more than most_output bytes are logged.
  void take(std::string& text, bool all = false);
  /// Logs one line.
  void line(std::string_view text);
  /// `text` with the last lines that the program has printed.
  std::string with_last_words(const std::string& text) const { return last_words_.behind(text); }

  static constexpr std::size_t most_output = std::size_t{1} << 20;

 private:
  std::string whose_ = "The program";
  std::size_t logged_ = 0;  ///< bytes
  LastWords last_words_;
};

}  // namespace hierevo::search
