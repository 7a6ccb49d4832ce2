#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "hierevo/io/snapshot.hpp"

namespace hierevo::io::test {

/// A search of `space` with `told` candidates that have come back, in another order than they were
/// made, and `in_flight` ones that have not. Outcomes of every status, with any number of runs,
/// some of them NaN, and with texts of many kinds.
Snapshot random_snapshot(std::uint64_t seed, std::string_view space, std::size_t told,
                         std::size_t in_flight);

/// Whether two snapshots are the same to the last bit, NaN included. The difference goes into
/// `where`.
bool same(const Snapshot& a, const Snapshot& b, std::string* where);

/// A small search without any randomness: the content of data/snapshot_v1.h5.
Snapshot golden_snapshot();
/// The same with what version 2 added: the content of data/snapshot_v2.h5.
Snapshot golden_snapshot_2();

}  // namespace hierevo::io::test
