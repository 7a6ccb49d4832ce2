#include "hierevo/core/random.hpp"

#include "hierevo/core/hash.hpp"

namespace hierevo::core {

std::uint64_t derive_seed(std::uint64_t root, std::uint64_t id, std::string_view purpose) {
  return combine(combine(mix(root), id), hash_text(purpose));
}

RandomStream::result_type RandomStream::operator()() {
  state_ += 0x9e3779b97f4a7c15ULL;
  return mix(state_);
}

std::uint64_t RandomStream::below(std::uint64_t bound) {
  // Numbers from the last, incomplete multiple of `bound` are drawn again.
  const std::uint64_t rejected_below = (0 - bound) % bound;
  std::uint64_t draw = (*this)();
  while (draw < rejected_below) draw = (*this)();
  return draw % bound;
}

double RandomStream::unit() {
  constexpr double step = 0x1p-53;
  return static_cast<double>((*this)() >> 11) * step;
}

}  // namespace hierevo::core
