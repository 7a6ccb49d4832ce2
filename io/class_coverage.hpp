// Which classes still have images when broken ones are left out.
#pragma once

#include <span>
#include <string>
#include <vector>

namespace hierevo::io {

/// Throws UsageError that names the first class without a training image; `seen` has those that
/// have one.
void require_class_coverage(const std::vector<bool>& seen,
                            std::span<const std::string> class_names);

}  // namespace hierevo::io
