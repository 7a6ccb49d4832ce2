#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "hierevo/comm/collectives.hpp"

namespace hierevo::comm {

/// Longer problems are cut to this many bytes.
inline constexpr std::size_t longest_problem = 2000;

/// What each rank says keeps it from going on, in the order of ranks; "" is nothing. Every rank
/// calls it, with its own `problem`, and all get the same. For groups on the host's memory. Throws
/// CommunicationError.
std::vector<std::string> gather_problems(Collectives& group, std::string_view problem);

/// Throws a UsageError on all ranks when any has a problem. Its text, the same everywhere, tells
/// the problems with their ranks, each once; so only one rank need print it.
void require_no_problem(Collectives& group, std::string_view problem);

/// Throws a UsageError on all ranks unless `hash` is the same on all: its text names the ranks that
/// differ from rank 0, and `what` they differ in ("data", "options").
void require_equal(Collectives& group, std::uint64_t hash, std::string_view what);

}  // namespace hierevo::comm
