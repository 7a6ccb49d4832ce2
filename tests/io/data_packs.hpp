// Data packs that tests make.
#pragma once

#include "hierevo/core/random.hpp"
#include "hierevo/io/data_pack.hpp"

namespace hierevo::io::test {

inline PackedImages random_images(std::size_t count, const DataPackInfo& info,
                                  core::RandomStream& random) {
  PackedImages images;
  for (std::size_t i = 0; i < count * info.image.bytes(); ++i) {
    images.pixels.push_back(static_cast<std::uint8_t>(random.below(256)));
  }
  const std::size_t classes = info.class_names.size();
  for (std::size_t i = 0; i < count; ++i) {
    images.labels.push_back(static_cast<std::int64_t>(i < classes ? i : random.below(classes)));
  }
  return images;
}

/// Many rows in several chunks when `train` is in the thousands.
inline DataPack random_pack(std::size_t train, std::size_t test, std::uint64_t seed = 1) {
  core::RandomStream random(seed);
  DataPack pack;
  pack.info = {"made by a test", {"cat", "dog", "Käfer"}, {3, 7, 5}};
  pack.train = random_images(train, pack.info, random);
  pack.test = random_images(test, pack.info, random);
  return pack;
}

inline void write_pack(const DataPack& pack, const std::filesystem::path& path) {
  using Part = DataPackWriter::Part;
  DataPackWriter writer(path, pack.info, pack.train.labels.size(), pack.test.labels.size());
  // In two goes, which no chunk ends with.
  const std::size_t half = pack.train.labels.size() / 2;
  const std::span pixels(pack.train.pixels);
  const std::span labels(pack.train.labels);
  writer.append(Part::train, pixels.first(half * pack.info.image.bytes()), labels.first(half));
  writer.append(Part::train, pixels.subspan(half * pack.info.image.bytes()), labels.subspan(half));
  writer.append(Part::test, pack.test.pixels, pack.test.labels);
  writer.finish();
}

inline bool same_images(const DataPack& a, const DataPack& b) {
  return a.train.pixels == b.train.pixels && a.train.labels == b.train.labels &&
         a.test.pixels == b.test.pixels && a.test.labels == b.test.labels;
}

}  // namespace hierevo::io::test
