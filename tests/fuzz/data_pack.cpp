// Data packs that are complete and valid HDF5, but say other things than hierevo wrote.
#include "hierevo/io/data_pack.hpp"

#include <algorithm>

#include "h5_edits.hpp"
#include "hierevo/core/error.hpp"
#include "hierevo/core/file.hpp"
#include "io/data_packs.hpp"
#include "io/edited.hpp"
#include "support/scratch_folder.hpp"
#include "target.hpp"

namespace {

using namespace hierevo;
using fuzz::require;

std::vector<std::byte> sample_pack(const std::filesystem::path& path) {
  io::test::write_pack(io::test::random_pack(6, 3), path);
  return core::read_file(path);
}

void check(const data::Images& part, const data::Dataset& pack) {
  require(part.pixels.size() == part.labels.size() * part.shape.bytes(), "images have their size");
  for (const std::int64_t label : part.labels) {
    require(label >= 0 && label < std::ssize(pack.class_names), "a label is one of a class");
  }
}

void check(const data::Dataset& pack) {
  require(pack.train.shape.bytes() > 0, "an image has pixels");
  check(pack.train, pack);
  check(pack.test, pack);
  for (std::int64_t i = 0; i < std::ssize(pack.class_names); ++i) {
    require(std::ranges::count(pack.train.labels, i) > 0, "a class has training images");
  }
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const test::ScratchFolder folder;
  static const auto original = sample_pack(folder.path() / "sample.h5");
  const auto path = folder.path() / "pack.h5";
  io::test::write_anew(path, original);
  if (!fuzz::edit_file_at(path, fuzz::bytes_of(data, size))) return 0;
  data::Dataset pack;
  try {
    pack = io::read_data_pack(path);
  } catch (const core::UsageError& refusal) {
    require(size > 0, "a pack without edits is read");
    fuzz::require_named(refusal, path);
    return 0;
  }
  check(pack);
  const auto copy = folder.path() / "copy.h5";
  std::filesystem::remove(copy);
  io::test::write_pack(pack, copy);
  require(io::test::same_images(io::read_data_pack(copy), pack), "a pack is kept when written");
  return 0;
}
