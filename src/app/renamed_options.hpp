// The former names of options. To be dropped at the first release.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace hierevo::app {

/// What the option is called that had this name.
std::optional<std::string_view> new_name_of(std::string_view old_name);

/// The options of a half-trained evaluation, as INI lines, with their new names.
std::string with_new_names(std::string_view record);

}  // namespace hierevo::app
