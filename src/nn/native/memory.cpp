#include "memory.hpp"

#include <algorithm>

namespace hierevo::nn::native {

namespace {

constexpr std::size_t line = 64;

/// Calls visit(piece, block) for all blocks.
template <typename Visit>
void for_each_block(const Schedule& schedule, const Visit& visit) {
  for (const Piece& piece : schedule.pieces()) {
    for (int i = 0; i < piece.blocks; ++i) {
      visit(piece, static_cast<std::size_t>(piece.first_block + i));
    }
  }
}

}  // namespace

Memory::Memory(const Schedule& schedule, Purpose purpose)
    : lanes_(schedule.lanes()), purpose_(purpose) {
  for (Buffers* buffers : {&values_, &raws_, &gradients_, &places_}) {
    buffers->resize(static_cast<std::size_t>(schedule.blocks()));
  }
  if (purpose == Purpose::training) {
    plan_training(schedule);
  } else {
    plan_prediction(schedule);
  }
  assign_slots();
}

/// Time is counted in sweeps, forward and then backward.
void Memory::plan_training(const Schedule& schedule) {
  const auto sweeps = static_cast<int>(schedule.sweeps().size());
  const auto back = [sweeps](int sweep) { return 2 * sweeps - 1 - sweep; };
  for_each_block(schedule, [&](const Piece& piece, std::size_t block) {
    const Kind kind{piece.grid, Element::real};
    const int made = piece.task < 0 ? 0 : schedule.task(piece.task).sweep;
    const bool is_logits = piece.last_use < 0;
    const int last_read = piece.first_kept < 0 ? piece.last_use : back(piece.first_kept);
    values_[block] = {kind, piece.normalised ? piece.first_use : made,
                      is_logits ? sweeps : last_read};
    if (piece.normalised) raws_[block] = {kind, made, back(made)};
    if (!piece.needs_gradient) return;
    gradients_[block] = {kind, is_logits ? sweeps : back(piece.last_use), back(made)};
    if (schedule.task(piece.task).kind == genome::PlanOpKind::maxpool) {
      places_[block] = {{piece.grid, Element::byte}, made, back(made)};
    }
  });
}

/// Time is counted in tasks.
void Memory::plan_prediction(const Schedule& schedule) {
  std::vector<int> last_use(schedule.pieces().size(), static_cast<int>(schedule.tasks().size()));
  for (std::size_t i = 0; i < schedule.tasks().size(); ++i) {
    for (const Source& source : schedule.tasks()[i].sources) {
      last_use[static_cast<std::size_t>(source.piece)] = static_cast<int>(i);
    }
  }
  for_each_block(schedule, [&](const Piece& piece, std::size_t block) {
    const auto index = static_cast<std::size_t>(&piece - schedule.pieces().data());
    values_[block] = {{piece.grid, Element::real}, std::max(piece.task, 0), last_use[index]};
    const bool is_max =
        piece.task >= 0 && schedule.task(piece.task).kind == genome::PlanOpKind::maxpool;
    if (is_max) places_[block] = {{piece.grid, Element::byte}, piece.task, piece.task};
  });
}

std::vector<Memory::Buffer*> Memory::all() {
  std::vector<Buffer*> found;
  for (Buffers* buffers : {&values_, &raws_, &gradients_, &places_}) {
    for (Buffer& buffer : *buffers) {
      if (buffer.last >= buffer.first) found.push_back(&buffer);
    }
  }
  return found;
}

/// In the order of their first use each buffer takes a slot that is free by then, or a new one.
void Memory::assign_slots() {
  std::vector<Buffer*> buffers = all();
  std::stable_sort(buffers.begin(), buffers.end(),
                   [](const Buffer* a, const Buffer* b) { return a->first < b->first; });
  std::map<Kind, std::multimap<int, std::size_t>> taken;  // by the time of the last use
  for (Buffer* buffer : buffers) {
    auto& slots = taken[buffer->kind];
    const auto earliest = slots.begin();
    if (earliest != slots.end() && earliest->first < buffer->first) {
      buffer->slot = earliest->second;
      slots.erase(earliest);
    } else {
      buffer->slot = slots_[buffer->kind]++;
    }
    slots.emplace(buffer->last, buffer->slot);
  }
}

void Memory::fit(std::int64_t images, const std::vector<GridSize>& sizes) {
  std::map<Kind, std::size_t> begins;
  const auto stride_of = [&](Kind kind) {
    const std::int64_t pixels = sizes[static_cast<std::size_t>(kind.first)].pixels();
    const auto count = static_cast<std::size_t>(images * pixels * lanes_);
    const std::size_t bytes = kind.second == Element::real ? count * sizeof(float) : count;
    // A little extra, so that not all slots begin in the same part of a cache.
    return (bytes + line - 1) / line * line + 9 * line;
  };
  std::size_t total = 0;
  for (const auto& [kind, count] : slots_) {
    begins[kind] = total;
    total += count * stride_of(kind);
  }
  arena_.reserve(total);
  for (Buffer* buffer : all()) {
    buffer->memory = arena_.data() + begins[buffer->kind] + buffer->slot * stride_of(buffer->kind);
  }
  if (purpose_ == Purpose::prediction) raws_ = values_;
}

}  // namespace hierevo::nn::native
