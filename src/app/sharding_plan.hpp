// What a folder of JPEG shards is to hold: depends on the images and options alone, so that
// processes that do the same job agree without a word.
#pragma once

#include <cstddef>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "hierevo/data/image_folder.hpp"
#include "hierevo/io/image_shards.hpp"
#include "packing.hpp"

namespace hierevo::app {

/// A shard to be made.
struct PlannedShard {
  io::ShardInfo info;
  std::filesystem::path path;
  std::filesystem::path folder;  ///< of the images of its part
  std::span<const data::LabelledFile> files;
  std::size_t sample_every = 0;  ///< 0: none
  std::size_t first = 0;         ///< number of its first image in its part

  /// "n01440764/n01440764_18.JPEG"
  std::string name_of(const data::LabelledFile& file) const;
  /// Whether statistics look at its `index`th image.
  bool samples(std::size_t index) const;
};

class ShardingPlan {
 public:
  /// Lists the images, and says what it found. Throws UsageError for what cannot become shards.
  explicit ShardingPlan(const PackingJob& job);
  ShardingPlan(const ShardingPlan&) = delete;
  ShardingPlan& operator=(const ShardingPlan&) = delete;

  const io::ShardPlan& index() const { return index_; }
  /// Those to train on first.
  const std::vector<PlannedShard>& shards() const { return shards_; }

 private:
  void add_shards(io::ImagePart part, const std::filesystem::path& folder,
                  const std::vector<data::LabelledFile>& files);
  void add_hash();

  const PackingJob& job_;
  data::ImageFolder found_;
  io::ShardPlan index_;
  std::vector<PlannedShard> shards_;
};

}  // namespace hierevo::app
