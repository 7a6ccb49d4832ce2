#include "shard_files.hpp"

#include <ATen/ATen.h>

namespace hierevo::app {

namespace {

std::size_t at(std::int64_t index) {
  return static_cast<std::size_t>(index);
}

}  // namespace

std::int64_t ShardFiles::size() const {
  return static_cast<std::int64_t>(images_.size());
}

std::int64_t ShardFiles::label(std::int64_t index) const {
  return images_.entry(at(index)).label;
}

nn::PictureSize ShardFiles::picture(std::int64_t index) const {
  const auto& entry = images_.entry(at(index));
  return {entry.height, entry.width};
}

std::string ShardFiles::name(std::int64_t index) const {
  return images_.name(at(index));
}

void ShardFiles::read(std::int64_t index, std::vector<std::byte>& file) const {
  images_.read(at(index), file);
}

nn::Normalisation normalisation_of(const io::ImageShards& shards) {
  nn::Normalisation normalisation{at::empty({3}, at::kFloat), at::empty({3}, at::kFloat)};
  auto* mean = normalisation.mean.data_ptr<float>();
  auto* scale = normalisation.scale.data_ptr<float>();
  for (std::size_t c = 0; c < 3; ++c) {
    const double deviation = shards.pixel_deviation[c];
    mean[c] = static_cast<float>(shards.pixel_mean[c]);
    scale[c] = deviation > 0.0 ? static_cast<float>(1.0 / deviation) : 1.0F;
  }
  return normalisation;
}

}  // namespace hierevo::app
