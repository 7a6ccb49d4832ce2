#include "arena.hpp"

#include <sys/mman.h>

#include <new>

namespace hierevo::nn::native {

namespace {

constexpr std::size_t cache_line = 64;  // and the widest vector
constexpr std::size_t huge_page = std::size_t{2} << 20;

}  // namespace

void FreeAligned::operator()(std::byte* memory) const {
  ::operator delete (memory, std::align_val_t{alignment});
}

void Arena::reserve(std::size_t bytes) {
  if (bytes <= size_) return;
  const std::size_t alignment = bytes < huge_page ? cache_line : huge_page;
  const std::size_t rounded = (bytes + alignment - 1) / alignment * alignment;
  auto* memory = static_cast<std::byte*>(::operator new (rounded, std::align_val_t{alignment}));
  memory_ = {memory, FreeAligned{alignment}};
  size_ = rounded;
#ifdef MADV_HUGEPAGE
  // Every sweep goes through hundreds of planes: with small pages each costs a page table walk.
  // Only a hint; nothing is lost where it is ignored.
  if (alignment == huge_page) ::madvise(memory, rounded, MADV_HUGEPAGE);
#endif
}

}  // namespace hierevo::nn::native
