#include "shard_files.hpp"

#include <numeric>
#include <utility>

namespace hierevo::app {

ShardFiles::ShardFiles(const io::ShardedImages& images) : images_(images), chosen_(images.size()) {
  std::iota(chosen_.begin(), chosen_.end(), std::int64_t{0});
}

ShardFiles::ShardFiles(const io::ShardedImages& images, std::vector<std::int64_t> chosen)
    : images_(images), chosen_(std::move(chosen)) {}

std::size_t ShardFiles::at(std::int64_t index) const {
  return static_cast<std::size_t>(chosen_[static_cast<std::size_t>(index)]);
}

std::int64_t ShardFiles::size() const {
  return static_cast<std::int64_t>(chosen_.size());
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
  return nn::make_normalisation(shards.pixel_mean, shards.pixel_deviation);
}

}  // namespace hierevo::app
