// IDX files of one and of three dimensions, as MNIST's are: any bytes as a plain file, as a gzipped
// one, and gzipped correctly.
#include "idx.hpp"

#include <optional>

#include "data/idx_files.hpp"
#include "hierevo/core/error.hpp"
#include "hierevo/core/hash.hpp"
#include "hierevo/core/random.hpp"
#include "support/scratch_folder.hpp"
#include "target.hpp"

namespace {

using namespace hierevo;
using fuzz::require;
using test::Bytes;

/// What the reader returns for `file` under this path; nothing when it refuses it.
std::optional<data::IdxArray> read(const std::filesystem::path& path, const Bytes& file,
                                   std::size_t dimensions) {
  fuzz::write_file(path, fuzz::text_of(file.data(), file.size()));
  try {
    return data::read_idx(path, dimensions);
  } catch (const core::UsageError& refusal) {
    fuzz::require_named(refusal, path);
    return std::nullopt;
  }
}

bool same(const std::optional<data::IdxArray>& a, const std::optional<data::IdxArray>& b) {
  if (!a || !b) return a.has_value() == b.has_value();
  return a->shape == b->shape && a->values == b->values;
}

Bytes file_of(const data::IdxArray& array) {
  const std::vector<std::uint32_t> shape(array.shape.begin(), array.shape.end());
  return test::idx_bytes(0x800 + static_cast<std::uint32_t>(shape.size()), shape, array.values);
}

/// With one bit changed, always the same one.
Bytes damaged(Bytes packed) {
  core::RandomStream random(core::crc32c(std::as_bytes(std::span(packed))), packed.size(), "bits");
  packed.at(random.below(packed.size())) ^= static_cast<std::uint8_t>(1U << random.below(8));
  return packed;
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const test::ScratchFolder folder;
  const auto plain = folder.path() / "file";
  const auto packed = folder.path() / "file.gz";
  const Bytes input(data, data + size);
  const Bytes good = test::gzipped(input);
  for (const std::size_t dimensions : {1U, 3U}) {
    read(packed, input, dimensions);
    const auto array = read(plain, input, dimensions);
    require(same(read(packed, good, dimensions), array), "packed and plain, a file says the same");
    if (!array) continue;
    require(array->shape.size() == dimensions, "an array has its dimensions");
    require(file_of(*array) == input, "an array is all of its file");
    const auto other = read(packed, damaged(good), dimensions);
    require(!other || same(other, array), "damage does not reach the values");
  }
  return 0;
}
