// Where the blocks of a schedule are in memory.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <utility>
#include <vector>

#include "arena.hpp"
#include "schedule.hpp"

namespace hierevo::nn::native {

enum class Purpose : std::uint8_t { training, prediction };

/// Memory of all blocks, for a number of images of one size. Blocks that are not needed at the same
/// time share it.
class Memory {
 public:
  Memory(const Schedule& schedule, Purpose purpose);

  /// Makes room for this many images. `sizes` are those of the grids. Throws std::bad_alloc; then
  /// nothing may be used until a later call succeeds.
  void fit(std::int64_t images, const std::vector<GridSize>& sizes);

  // The planes of a block, one image after another; null for what is not kept.
  /// What the users of the block read.
  float* value(int block) const { return values_[static_cast<std::size_t>(block)].floats(); }
  /// Before batch normalisation. The same as value() in prediction.
  float* raw(int block) const { return raws_[static_cast<std::size_t>(block)].floats(); }
  /// Gradient of value().
  float* gradient(int block) const { return gradients_[static_cast<std::size_t>(block)].floats(); }
  /// For maxima: the place of each in its window.
  std::uint8_t* places(int block) const { return places_[static_cast<std::size_t>(block)].bytes(); }

 private:
  enum class Element : std::uint8_t { real, byte };
  /// Slots are of one kind when they have the same size for all image sizes.
  using Kind = std::pair<int, Element>;  ///< grid and type

  struct Buffer {
    Kind kind{};
    int first = 0;  ///< time of the first use
    int last = -1;  ///< and of the last; before the first: no use
    std::size_t slot = 0;
    std::byte* memory = nullptr;

    float* floats() const { return reinterpret_cast<float*>(memory); }
    std::uint8_t* bytes() const { return reinterpret_cast<std::uint8_t*>(memory); }
  };
  using Buffers = std::vector<Buffer>;

  void plan_training(const Schedule& schedule);
  void plan_prediction(const Schedule& schedule);
  void assign_slots();
  std::vector<Buffer*> all();

  int lanes_;
  Purpose purpose_;
  Buffers values_;  // of each block
  Buffers raws_;
  Buffers gradients_;
  Buffers places_;
  std::map<Kind, std::size_t> slots_;  ///< how many there are
  Arena arena_;
};

}  // namespace hierevo::nn::native
