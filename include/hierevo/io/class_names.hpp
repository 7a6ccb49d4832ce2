#pragma once

#include <span>
#include <string>

namespace hierevo::io {

/// Throws UsageError that names two classes which packs and shards could not tell apart: in these
/// files U+FFFD stands for what is no UTF-8.
void require_distinct(std::span<const std::string> class_names);

}  // namespace hierevo::io
