// Options as lines NAME=VALUE: files of --config, and RUN/config.ini.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace hierevo::app {

struct IniLine {
  std::string name;
  std::string value;
  int number;  ///< of the line, from 1
};

/// The options in `text`; `where` names it in errors. A # begins a comment, spaces around names and
/// values count for nothing, and a byte order mark neither. A value in double quotes that could not
/// be written without them, for a # or a line break in it or spaces at its ends, is read without
/// them, with \" \\ \n and \r for what these stand for; any other quotes are part of the value.
/// Throws UsageError.
std::vector<IniLine> read_ini(std::string_view text, const std::string& where);

/// The line, with its end, that is read as this value, whatever that is.
std::string ini_line(std::string_view name, std::string_view value);

}  // namespace hierevo::app
