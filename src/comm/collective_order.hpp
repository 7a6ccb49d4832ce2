// An operation of Collectives as its implementations receive it, checked.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "hierevo/comm/collectives.hpp"

namespace hierevo::comm::detail {

enum class CollectiveKind : std::uint8_t { all_reduce, broadcast, all_gather, barrier };

struct CollectiveOrder {
  CollectiveKind kind = CollectiveKind::barrier;
  Elements elements;  ///< an all_gather's own ones
  Elements all;       ///< of an all_gather
  int root = 0;       ///< of a broadcast
};

/// Each throws UsageError where the arguments can be right for no group of `size` ranks.
CollectiveOrder order_all_reduce(Elements elements);
CollectiveOrder order_broadcast(Elements elements, int root, int size);
CollectiveOrder order_all_gather(Elements own, Elements all, int size);

std::string_view name_of(ElementType type);

/// For errors: "all_reduce number 17 (542138 float32)".
std::string describe(const CollectiveOrder& order, std::uint64_t number);

/// "does not end within 30 s".
std::string late_text(double timeout_seconds);

}  // namespace hierevo::comm::detail
