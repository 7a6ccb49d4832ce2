// The files of page/ and the library that draws charts, as they were when hierevo was built.
#pragma once

#include <string_view>

namespace hierevo::report {

extern const std::string_view page_style;
extern const std::string_view page_script;
/// Chart.js; empty where it was not there.
extern const std::string_view chart_library;

}  // namespace hierevo::report
