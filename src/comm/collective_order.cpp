#include "collective_order.hpp"

#include <fmt/format.h>

#include "hierevo/core/error.hpp"

namespace hierevo::comm::detail {

namespace {

void require_memory(const Elements& elements) {
  if (elements.data != nullptr || elements.count == 0) return;
  throw core::UsageError(fmt::format("There are no {} elements", elements.count),
                         "their address is null");
}

std::string_view name_of(CollectiveKind kind) {
  switch (kind) {
    case CollectiveKind::all_reduce:
      return "all_reduce";
    case CollectiveKind::broadcast:
      return "broadcast";
    case CollectiveKind::all_gather:
      return "all_gather";
    case CollectiveKind::barrier:
      return "barrier";
  }
  throw core::InternalError("There is no such operation");
}

}  // namespace

CollectiveOrder order_all_reduce(Elements elements) {
  require_memory(elements);
  if (elements.type == ElementType::uint8) {
    throw core::UsageError("uint8 cannot be summed over ranks", "it would overflow");
  }
  return {CollectiveKind::all_reduce, elements, {}, 0};
}

CollectiveOrder order_broadcast(Elements elements, int root, int size) {
  require_memory(elements);
  if (root < 0 || root >= size) {
    throw core::UsageError(fmt::format("Rank {} cannot be the root of a broadcast", root),
                           fmt::format("the group has the ranks 0 to {}", size - 1));
  }
  return {CollectiveKind::broadcast, elements, {}, root};
}

CollectiveOrder order_all_gather(Elements own, Elements all, int size) {
  require_memory(own);
  require_memory(all);
  if (all.type != own.type || all.count != own.count * static_cast<std::size_t>(size)) {
    throw core::UsageError(fmt::format("{} {} of each rank do not gather to {} {}", own.count,
                                       name_of(own.type), all.count, name_of(all.type)),
                           fmt::format("the group has {} ranks", size));
  }
  return {CollectiveKind::all_gather, own, all, 0};
}

std::string_view name_of(ElementType type) {
  switch (type) {
    case ElementType::uint8:
      return "uint8";
    case ElementType::int64:
      return "int64";
    case ElementType::bfloat16:
      return "bfloat16";
    case ElementType::float32:
      return "float32";
    case ElementType::float64:
      return "float64";
  }
  throw core::InternalError("There is no such type of elements");
}

std::string describe(const CollectiveOrder& order, std::uint64_t number) {
  const auto text = fmt::format("{} number {}", name_of(order.kind), number);
  if (order.kind == CollectiveKind::barrier) return text;
  return fmt::format("{} ({} {})", text, order.elements.count, name_of(order.elements.type));
}

std::string late_text(double timeout_seconds) {
  return fmt::format("does not end within {:g} s", timeout_seconds);
}

}  // namespace hierevo::comm::detail
