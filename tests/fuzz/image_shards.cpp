// Image shards and their index, one of which is complete and valid HDF5, but says other things than
// hierevo wrote. The first byte of the input chooses the file, and whether the index is made to
// match an edited shard.
#include "hierevo/io/image_shards.hpp"

#include <algorithm>
#include <array>
#include <map>

#include "h5_edits.hpp"
#include "hierevo/core/error.hpp"
#include "hierevo/core/file.hpp"
#include "hierevo/core/hash.hpp"
#include "io/edited.hpp"
#include "io/image_shard_files.hpp"
#include "support/scratch_folder.hpp"
#include "target.hpp"

namespace {

using namespace hierevo;
using fuzz::require;
using io::ImagePart;

class Folder {
 public:
  Folder() {
    io::test::write_sample_shards(path());
    for (const auto& entry : std::filesystem::directory_iterator(path())) {
      original_[entry.path().filename()] = core::read_file(entry.path());
    }
  }
  const std::filesystem::path& path() const { return folder_.path(); }

  /// All files unchanged.
  void restore() const {
    for (const auto& [name, bytes] : original_) io::test::write_anew(path() / name, bytes);
  }
  void make_index() const {
    std::filesystem::remove(path() / io::shard_index_name);
    io::write_shard_index(path(), io::test::sample_plan());
  }

 private:
  test::ScratchFolder folder_;
  std::map<std::string, std::vector<std::byte>> original_;
};

/// An image's bytes match its entry, or are refused.
void check_bytes(const io::ShardedImages& images, std::int64_t index,
                 const std::filesystem::path& shard) {
  std::vector<std::byte> file;
  try {
    images.read(index, file);
    require(file.size() == images.entry(index).length, "an image has its length");
    require(core::crc32c(file) == images.entry(index).crc32c, "an image has its checksum");
  } catch (const core::IoError& refusal) {
    fuzz::require_named(refusal, shard);
  }
}

void check(const io::ShardedImages& images, ImagePart part, const io::ImageShards& all,
           const std::filesystem::path& folder) {
  for (std::int64_t i = 0; i < images.size(); ++i) {
    const auto& entry = images.entry(i);
    const auto shard = folder / io::shard_name(part, entry.shard);
    const std::uintmax_t bytes = std::filesystem::file_size(shard);
    require(entry.length > 0 && entry.offset <= bytes && entry.length <= bytes - entry.offset,
            "an image lies in its shard");
    require(entry.label >= 0 && entry.label < std::ssize(all.class_names),
            "a label is one of a class");
    require(std::min(entry.height, entry.width) > 0 && std::max(entry.height, entry.width) < 65536,
            "an image can be a JPEG file");
    check_bytes(images, i, shard);
  }
  if (images.size() == 0) return;
  const std::string name = images.name(images.size() - 1);
  require(name.starts_with(folder.string()), "an image's name contains its file's");
}

void check(const io::ImageShards& images, const std::filesystem::path& folder) {
  check(images.train, ImagePart::train, images, folder);
  check(images.test, ImagePart::test, images, folder);
  std::vector<bool> seen(images.class_names.size(), false);
  for (std::int64_t i = 0; i < images.train.size(); ++i) {
    seen.at(static_cast<std::size_t>(images.train.entry(i).label)) = true;
  }
  require(std::ranges::count(seen, false) == 0, "a class has training images");
  for (const auto& numbers : {images.pixel_mean, images.pixel_deviation}) {
    for (const double number : numbers) {
      require(number >= 0.0 && number <= 255.0, "pixels have a mean and a deviation");
    }
  }
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  constexpr std::array names = {io::shard_index_name, "train-00000.h5", "train-00001.h5",
                                "test-00000.h5"};
  static const Folder folder;
  const auto input = fuzz::bytes_of(data, size);
  const std::size_t choice = input.empty() ? 0 : data[0] % (2 * names.size());
  const char* name = names.at(choice % names.size());
  folder.restore();
  const auto program = input.subspan(input.empty() ? 0 : 1);
  if (!fuzz::edit_file_at(folder.path() / name, program)) return 0;
  try {
    if (choice > names.size()) folder.make_index();
    check(io::open_image_shards(folder.path()), folder.path());
  } catch (const core::UsageError& refusal) {
    require(!program.empty(), "shards without edits are read");
    fuzz::require_named(refusal, folder.path());
  }
  return 0;
}
