#include "hierevo/comm/self_collectives.hpp"

#include <cstring>

#include "collective_order.hpp"

namespace hierevo::comm {

Request SelfCollectives::all_reduce(Elements elements) {
  detail::order_all_reduce(elements);
  return {};
}

Request SelfCollectives::broadcast(Elements elements, int root) {
  detail::order_broadcast(elements, root, size());
  return {};
}

Request SelfCollectives::all_gather(Elements own, Elements all) {
  detail::order_all_gather(own, all, size());
  if (own.count > 0 && own.data != all.data) std::memcpy(all.data, own.data, own.bytes());
  return {};
}

Request SelfCollectives::barrier() {
  return {};
}

}  // namespace hierevo::comm
