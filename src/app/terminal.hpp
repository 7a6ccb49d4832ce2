// How text is shown on a terminal.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace hierevo::app {

enum class Tone { plain, faint, strong, good, warning, bad };

/// Whether standard output is a terminal that shows colours, and NO_COLOR is not set.
bool shows_colours();

/// `text`, made printable, in the colour of `tone` where `colours`.
std::string toned(std::string_view text, Tone tone, bool colours);

/// Lines of the terminal on standard output; 0 where it is none.
int terminal_lines();

/// Values as one line of blocks of different height, from the least to the greatest.
std::string block_line(const std::vector<double>& values);

/// "[=====     ]", `width` wide, for a share of 0 to 1.
std::string bar(double share, int width);

}  // namespace hierevo::app
