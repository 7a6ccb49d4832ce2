#pragma once

#include <string>

namespace hierevo::core {

/// The name of this machine, for people and for names of files; "unknown" where it has none.
std::string host_name();

}  // namespace hierevo::core
