// Data packs that tests make.
#pragma once

#include "hierevo/core/random.hpp"
#include "hierevo/io/data_pack.hpp"

namespace hierevo::io::test {

inline data::Images random_images(std::size_t count, std::size_t classes,
                                  core::RandomStream& random) {
  data::Images images{{3, {7, 5}}, {}, {}};
  for (std::size_t i = 0; i < count * images.shape.bytes(); ++i) {
    images.pixels.push_back(static_cast<std::uint8_t>(random.below(256)));
  }
  for (std::size_t i = 0; i < count; ++i) {
    images.labels.push_back(static_cast<std::int64_t>(i < classes ? i : random.below(classes)));
  }
  return images;
}

/// Many rows in several chunks when `train` is in the thousands.
inline data::Dataset random_pack(std::size_t train, std::size_t test, std::uint64_t seed = 1) {
  core::RandomStream random(seed);
  data::Dataset pack{"made by a test", {"cat", "dog", "Käfer"}, {}, {}};
  pack.train = random_images(train, 3, random);
  pack.test = random_images(test, 3, random);
  return pack;
}

inline DataPackInfo info_of(const data::Dataset& pack) {
  return {pack.name, pack.class_names, pack.train.shape};
}

inline void write_pack(const data::Dataset& pack, const std::filesystem::path& path) {
  using Part = DataPackWriter::Part;
  DataPackWriter writer(path, info_of(pack), pack.train.labels.size(), pack.test.labels.size());
  // In two calls, whose boundary is inside a chunk.
  const std::size_t half = pack.train.labels.size() / 2;
  const std::span pixels(pack.train.pixels);
  const std::span labels(pack.train.labels);
  writer.append(Part::train, pixels.first(half * pack.train.shape.bytes()), labels.first(half));
  writer.append(Part::train, pixels.subspan(half * pack.train.shape.bytes()), labels.subspan(half));
  writer.append(Part::test, pack.test.pixels, pack.test.labels);
  writer.finish();
}

inline bool same_images(const data::Dataset& a, const data::Dataset& b) {
  return a.train.pixels == b.train.pixels && a.train.labels == b.train.labels &&
         a.test.pixels == b.test.pixels && a.test.labels == b.test.labels;
}

}  // namespace hierevo::io::test
