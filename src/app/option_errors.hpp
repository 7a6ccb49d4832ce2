// What Boost says of options that cannot be used, in words of our own.
#pragma once

#include <boost/program_options.hpp>
#include <map>
#include <string>

#include "hierevo/core/error.hpp"

namespace hierevo::app {

/// Where options are read from. The command line has no name.
struct OptionPlace {
  std::string name{};                  ///< of a file or an environment variable
  std::map<std::string, int> lines{};  ///< of the file, by the name of an option: its last one
};

/// " in 'x.ini', line 3", the line being that of option `name`; empty for the command line.
std::string in_place(const OptionPlace& place, const std::string& name);

/// Throws `error` as a UsageError. `takes`: what may be given for each option, by its name, or
/// nothing where that can be anything.
[[noreturn]] void refuse(const boost::program_options::error& error, const OptionPlace& place,
                         const std::map<std::string, std::string>& takes);

[[noreturn]] void refuse_field(const core::FieldError& error);

/// What `work` gives. Where that refuses a field of a library's options, the error names the option
/// that sets it.
template <typename Work>
auto naming_options(const Work& work) {
  try {
    return work();
  } catch (const core::FieldError& error) {
    refuse_field(error);
  }
}

}  // namespace hierevo::app
