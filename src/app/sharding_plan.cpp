#include "sharding_plan.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "hierevo/core/error.hpp"
#include "hierevo/core/hash.hpp"

namespace hierevo::app {

namespace {

namespace fs = std::filesystem;
using io::ImagePart;

constexpr std::size_t sampled_images = 10'000;

/// In an order that depends on the names in `folder` alone, and in which neighbours are of
/// different classes.
void shuffle(const fs::path& folder, std::vector<data::LabelledFile>& files) {
  std::vector<std::pair<std::uint64_t, std::size_t>> order;
  for (std::size_t i = 0; i < files.size(); ++i) {
    order.emplace_back(core::hash_text(name_in(folder, files[i])), i);
  }
  std::sort(order.begin(), order.end());
  std::vector<data::LabelledFile> shuffled;
  shuffled.reserve(files.size());
  for (const auto& [hash, index] : order) shuffled.push_back(std::move(files[index]));
  files = std::move(shuffled);
}

void require_few_shards(const PackingJob& job, std::size_t shards, std::size_t images) {
  if (shards <= io::most_shards) return;
  throw core::UsageError(fmt::format("--shard-images is {}", job.shard_images),
                         fmt::format("that makes {} shards, more than {}", shards, io::most_shards),
                         fmt::format("Give {} or more.", images / (io::most_shards - 2) + 1));
}

}  // namespace

std::string PlannedShard::name_of(const data::LabelledFile& file) const {
  return name_in(folder, file);
}

bool PlannedShard::samples(std::size_t index) const {
  return sample_every > 0 && (first + index) % sample_every == 0;
}

ShardingPlan::ShardingPlan(const PackingJob& job) : job_(job), found_(found_images(job)) {
  shuffle(fs::path(job.source) / "train", found_.train);
  index_.source = folder_name(job.source);
  index_.class_names = found_.class_names;
  const auto shards_of = [&](const std::vector<data::LabelledFile>& files) {
    const auto images = static_cast<std::size_t>(job.shard_images);
    return files.size() / images + (files.size() % images > 0 ? 1 : 0);
  };
  index_.train_shards = shards_of(found_.train);
  index_.test_shards = shards_of(found_.test);
  require_few_shards(job, index_.train_shards + index_.test_shards,
                     found_.train.size() + found_.test.size());
  add_hash();
  add_shards(ImagePart::train, fs::path(job.source) / "train", found_.train);
  add_shards(ImagePart::test, fs::path(job.source) / found_.test_folder, found_.test);
}

void ShardingPlan::add_hash() {
  std::uint64_t hash = core::mix(static_cast<std::uint64_t>(job_.shard_images));
  for (const auto& name : index_.class_names) hash = core::combine(hash, core::hash_text(name));
  const fs::path source(job_.source);
  for (const auto& [folder, files] : {std::pair{source / "train", &found_.train},
                                      std::pair{source / found_.test_folder, &found_.test}}) {
    hash = core::combine(hash, files->size());
    for (const auto& file : *files) {
      hash = core::combine(hash, core::hash_text(name_in(folder, file)));
      hash = core::combine(hash, static_cast<std::uint64_t>(file.label));
    }
  }
  index_.hash = hash;
}

void ShardingPlan::add_shards(ImagePart part, const fs::path& folder,
                              const std::vector<data::LabelledFile>& files) {
  const auto images = static_cast<std::size_t>(job_.shard_images);
  const std::span<const data::LabelledFile> all(files);
  const std::size_t every =
      part == ImagePart::train ? std::max<std::size_t>(1, files.size() / sampled_images) : 0;
  std::size_t number = 0;
  for (std::size_t first = 0; first < files.size(); first += images, ++number) {
    shards_.push_back({{part, number, index_.hash},
                       fs::path(job_.out) / io::shard_name(part, number),
                       folder,
                       all.subspan(first, std::min(images, files.size() - first)),
                       every,
                       first});
  }
}

}  // namespace hierevo::app
