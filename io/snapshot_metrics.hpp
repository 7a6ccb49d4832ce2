// The group /individuals/metrics of a snapshot (FORMAT.md).
#pragma once

#include <cstddef>
#include <vector>

#include "h5.hpp"
#include "hierevo/evolution/individual.hpp"

namespace hierevo::io {

/// Makes the group `metrics` in `group`; nothing where no individual has a metric.
void write_metrics(hid_t group, const std::vector<evolution::Individual>& history);

/// The metrics of each of `rows` individuals; all empty where `group` has no such group. Throws
/// h5::Error for what cannot be.
std::vector<evolution::Metrics> read_metrics(hid_t group, std::size_t rows);

}  // namespace hierevo::io
