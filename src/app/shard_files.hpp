// Between shards of JPEG files, which know no Torch, and training, which knows no HDF5.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "hierevo/io/image_shards.hpp"
#include "hierevo/nn/dataset.hpp"
#include "hierevo/nn/jpeg_files.hpp"

namespace hierevo::app {

/// Images of a part as training wants them. Keeps a reference to it.
class ShardFiles : public nn::JpegFiles {
 public:
  /// All of them.
  explicit ShardFiles(const io::ShardedImages& images);
  /// Those of `chosen`, which are below its size, in this order.
  ShardFiles(const io::ShardedImages& images, std::vector<std::int64_t> chosen);

  std::int64_t size() const override;
  std::int64_t label(std::int64_t index) const override;
  nn::PictureSize picture(std::int64_t index) const override;
  std::string name(std::int64_t index) const override;
  void read(std::int64_t index, std::vector<std::byte>& file) const override;

 private:
  std::size_t at(std::int64_t index) const;

  const io::ShardedImages& images_;
  std::vector<std::int64_t> chosen_;
};

/// By the mean and deviation of the sample that packing took.
nn::Normalisation normalisation_of(const io::ImageShards& shards);

}  // namespace hierevo::app
