#include "terminal.hpp"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdlib>

#include "hierevo/core/printable.hpp"

namespace hierevo::app {

namespace {

bool is_set(const char* variable) {
  const char* value = std::getenv(variable);
  return value != nullptr && *value != '\0';
}

const char* code_of(Tone tone) {
  switch (tone) {
    case Tone::faint:
      return "\x1b[2m";
    case Tone::strong:
      return "\x1b[1m";
    case Tone::good:
      return "\x1b[32m";
    case Tone::warning:
      return "\x1b[33m";
    case Tone::bad:
      return "\x1b[31m";
    case Tone::plain:
      break;
  }
  return "";
}

}  // namespace

bool shows_colours() {
  const char* kind = std::getenv("TERM");
  const bool dumb = kind == nullptr || std::string_view(kind) == "dumb";
  return ::isatty(STDOUT_FILENO) != 0 && !dumb && !is_set("NO_COLOR");
}

std::string toned(std::string_view text, Tone tone, bool colours) {
  const std::string shown = core::printable(text);
  return colours && tone != Tone::plain ? code_of(tone) + shown + "\x1b[0m" : shown;
}

int terminal_lines() {
  winsize size{};
  return ::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 ? size.ws_row : 0;
}

std::string block_line(const std::vector<double>& values) {
  static constexpr std::array<const char*, 8> blocks = {"▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
  if (values.empty()) return "";
  const auto [least, greatest] = std::ranges::minmax(values);
  std::string line;
  for (const double value : values) {
    const double share = greatest > least ? (value - least) / (greatest - least) : 0.0;
    line += blocks.at(static_cast<std::size_t>(std::lround(share * (blocks.size() - 1))));
  }
  return line;
}

std::string bar(double share, int width) {
  const int filled = std::clamp(static_cast<int>(share * width), 0, width);
  return '[' + std::string(static_cast<std::size_t>(filled), '=') +
         std::string(static_cast<std::size_t>(width - filled), ' ') + ']';
}

}  // namespace hierevo::app
