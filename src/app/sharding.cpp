#include "sharding.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <optional>
#include <set>
#include <span>
#include <vector>

#include "hierevo/core/error.hpp"
#include "hierevo/core/file.hpp"
#include "hierevo/core/hash.hpp"
#include "hierevo/core/in_threads.hpp"
#include "hierevo/core/log.hpp"
#include "hierevo/io/image_shards.hpp"
#include "hierevo/nn/image_folder.hpp"
#include "hierevo/nn/jpeg_files.hpp"
#include "packing.hpp"
#include "program.hpp"

namespace hierevo::app {

namespace {

namespace fs = std::filesystem;
using io::ImagePart;

/// An image on its way into a shard.
struct Candidate {
  std::vector<std::byte> file;
  nn::JpegFinding found;
  io::PixelSums sums;  ///< of a sampled one
};

/// What statistics look at: the middle as a network for ImageNet sees it.
constexpr std::int64_t sampled_size = 299;
constexpr std::size_t sampled_images = 10'000;

/// In an order that depends on the names alone, and in which neighbours are of different classes.
void shuffle(std::vector<nn::LabelledFile>& files) {
  std::vector<std::pair<std::uint64_t, std::size_t>> order;
  for (std::size_t i = 0; i < files.size(); ++i) {
    const fs::path& path = files[i].path;
    const std::string name = (path.parent_path().filename() / path.filename()).string();
    order.emplace_back(core::hash_text(name), i);
  }
  std::sort(order.begin(), order.end());
  std::vector<nn::LabelledFile> shuffled;
  shuffled.reserve(files.size());
  for (const auto& [hash, index] : order) shuffled.push_back(std::move(files[index]));
  files = std::move(shuffled);
}

/// A process that makes shards of a folder.
class Sharding {
 public:
  explicit Sharding(const ShardingJob& job) : job_(job), line_(job.progress) {
    nn::ImageFolder found = nn::scan_image_folder(job.source, {job.validation_labels, job.synsets});
    say_found("a folder of images", job.source, found.class_names.size(), found.train.size(),
              found.test.size());
    train_ = {ImagePart::train, fs::path(job.source) / "train", std::move(found.train)};
    test_ = {ImagePart::test, fs::path(job.source) / found.test_folder, std::move(found.test)};
    shuffle(train_.files);
    plan_.source = folder_name(job.source);
    plan_.class_names = std::move(found.class_names);
    plan_.train_shards = shards_of(train_);
    plan_.test_shards = shards_of(test_);
    plan_.hash = plan_hash();
    every_ = std::max<std::size_t>(1, train_.files.size() / sampled_images);
    require_few_shards();
  }

  void run() {
    make_folder();
    while (make_missing()) {
    }
    line_.end();
    if (!broken_.empty()) report_broken();
    const std::size_t missing = count_missing();
    if (missing > 0) {
      fmt::print(stderr, "{} shards are left to others, who write the index then.\n", missing);
      return;
    }
    io::write_shard_index(job_.out, plan_);
    remove_locks();
    report_skipped();
  }

 private:
  struct Part {
    ImagePart part = ImagePart::train;
    fs::path folder;
    std::vector<nn::LabelledFile> files;
  };

  std::size_t shards_of(const Part& part) const {
    const auto images = static_cast<std::size_t>(job_.shard_images);
    return (part.files.size() + images - 1) / images;
  }

  std::span<const nn::LabelledFile> files_of(const Part& part, std::size_t number) const {
    const auto images = static_cast<std::size_t>(job_.shard_images);
    const std::span<const nn::LabelledFile> all(part.files);
    return all.subspan(number * images, std::min(images, all.size() - number * images));
  }

  static std::string name_in(const Part& part, const nn::LabelledFile& file) {
    return file.path.lexically_relative(part.folder).string();
  }

  std::uint64_t plan_hash() const {
    std::uint64_t hash = core::mix(static_cast<std::uint64_t>(job_.shard_images));
    for (const auto& name : plan_.class_names) hash = core::combine(hash, core::hash_text(name));
    for (const Part* part : {&train_, &test_}) {
      hash = core::combine(hash, part->files.size());
      for (const auto& file : part->files) {
        hash = core::combine(hash, core::hash_text(name_in(*part, file)));
        hash = core::combine(hash, static_cast<std::uint64_t>(file.label));
      }
    }
    return hash;
  }

  void require_few_shards() const {
    const std::size_t shards = plan_.train_shards + plan_.test_shards;
    if (shards <= io::most_shards) return;
    throw core::UsageError(
        fmt::format("--shard-images is {}", job_.shard_images),
        fmt::format("that makes {} shards, more than {}", shards, io::most_shards),
        fmt::format("Give {} or more.",
                    (train_.files.size() + test_.files.size()) / (io::most_shards - 2) + 1));
  }

  /// Nothing is written between files of somebody else's.
  void make_folder() const {
    std::error_code error;
    fs::create_directories(job_.out, error);
    if (error) throw core::UsageError(core::IoError(job_.out, "make", error.value()).what());
    for (const auto& entry : fs::directory_iterator(job_.out)) {
      const std::string name = entry.path().filename().string();
      const bool ours = (name.starts_with("index.h5") || name.starts_with("train-") ||
                         name.starts_with("test-")) &&
                        name.find(".h5") != std::string::npos;
      if (ours) continue;
      throw core::UsageError(fmt::format("'{}' is no folder of shards", job_.out),
                             fmt::format("'{}' is in it", name),
                             "Give --out a folder that is empty or not there yet.");
    }
  }

  template <typename Action>
  void for_each_shard(Action&& action) const {
    for (const Part* part : {&train_, &test_}) {
      for (std::size_t i = 0; i < shards_of(*part); ++i) action(*part, i);
    }
  }
  fs::path path_of(const Part& part, std::size_t number) const {
    return fs::path(job_.out) / io::shard_name(part.part, number);
  }

  std::size_t count_missing() const {
    std::size_t missing = 0;
    for_each_shard([&](const Part& part, std::size_t i) {
      if (!core::path_exists(path_of(part, i))) ++missing;
    });
    return missing;
  }

  /// Whether it made any: another process may have given one up meanwhile.
  bool make_missing() {
    bool made = false;
    for_each_shard([&](const Part& part, std::size_t i) {
      const fs::path path = path_of(part, i);
      if (given_up_.contains(path)) return;
      if (core::path_exists(path)) {
        if (known_.insert(path).second) io::require_shard(path, {part.part, i, plan_.hash});
        return;
      }
      std::optional<core::FileLock> lock;
      try {
        lock = core::FileLock::try_acquire(path.string() + ".lock");
        if (!lock) return;  // another process is making it
      } catch (const core::IoError& error) {
        // Two processes may then make the same shard, and one is kept.
        core::log(core::LogLevel::warning, "{}", error.what());
      }
      if (core::path_exists(path)) return;
      make(part, i);
      made = true;
    });
    return made;
  }

  void make(const Part& part, std::size_t number) {
    const auto files = files_of(part, number);
    const fs::path path = path_of(part, number);
    std::size_t bytes = 0;
    for (const auto& file : files) {
      std::error_code error;
      bytes += fs::file_size(file.path, error);
      if (error) throw core::UsageError(core::IoError(file.path, "read", error.value()).what());
    }
    io::ImageShardWriter writer(job_.out, {part.part, number, plan_.hash}, bytes);
    io::PixelSums sums;
    std::vector<std::string> skipped;
    const std::size_t first = number * static_cast<std::size_t>(job_.shard_images);
    const std::size_t batch = 32 * static_cast<std::size_t>(job_.threads);
    for (std::size_t i = 0; i < files.size(); i += batch) {
      const auto some = files.subspan(i, std::min(batch, files.size() - i));
      const auto candidates = looked_at(some, part.part == ImagePart::train, first + i);
      for (std::size_t k = 0; k < some.size(); ++k) {
        const Candidate& candidate = candidates[k];
        const std::string name = name_in(part, some[k]);
        if (candidate.found.problem.empty()) {
          writer.append(
              {name, some[k].label, static_cast<std::uint32_t>(candidate.found.size.height),
               static_cast<std::uint32_t>(candidate.found.size.width)},
              candidate.file);
          sums.add(candidate.sums);
        } else {
          skipped.push_back(fmt::format("{} ({})", name, candidate.found.problem));
        }
      }
      show_progress(path, i + some.size(), files.size());
    }
    finish(writer, path, sums, skipped, files.size());
  }

  void finish(io::ImageShardWriter& writer, const fs::path& path, const io::PixelSums& sums,
              const std::vector<std::string>& skipped, std::size_t images) {
    if (!skipped.empty() && (!job_.skip_broken || skipped.size() == images)) {
      broken_.insert(broken_.end(), skipped.begin(), skipped.end());
      given_up_.insert(path);
      return;
    }
    writer.finish(sums, skipped);
  }

  /// Reads and checks files by the threads. `first` is the number of the first one in its part.
  std::vector<Candidate> looked_at(std::span<const nn::LabelledFile> files, bool sample,
                                   std::size_t first) const {
    std::vector<Candidate> candidates(files.size());
    core::in_threads(files.size(), job_.threads, [&](std::size_t i) {
      Candidate& candidate = candidates[i];
      candidate.file = core::read_file(files[i].path, std::size_t{1} << 31);
      candidate.found = nn::find_in_jpeg(candidate.file);
      const bool sampled = sample && (first + i) % every_ == 0;
      if (sampled && candidate.found.problem.empty()) {
        candidate.sums.add(nn::middle_of_jpeg(candidate.file, sampled_size));
      }
    });
    return candidates;
  }

  void show_progress(const fs::path& path, std::size_t done, std::size_t images) {
    if (stop_signal_came()) {
      line_.end();
      throw core::Interrupted("The packing was stopped", "whole shards are kept",
                              "Run the same line again to go on.");
    }
    if (line_.due()) {
      line_.show(fmt::format("{}: {}/{} images", path.filename().string(), done, images));
    }
  }

  [[noreturn]] void report_broken() const {
    for (const auto& name : broken_) fmt::print(stderr, "broken: {}\n", name);
    throw core::UsageError(
        fmt::format("{} images are broken", broken_.size()),
        fmt::format("{} shards that they belong to are not made, others are", given_up_.size()),
        "Mend them, or leave them out by --skip-broken, and run the same line again.");
  }

  void report_skipped() const {
    const io::ImageShards shards = io::open_image_shards(job_.out);
    for (const auto& name : shards.skipped) fmt::print(stderr, "left out: {}\n", name);
    fmt::print(stderr, "Packed into '{}': {} shards, {} images to train on, {} to test on{}.\n",
               job_.out, plan_.train_shards + plan_.test_shards, shards.train.size(),
               shards.test.size(),
               shards.skipped.empty()
                   ? ""
                   : fmt::format("; {} broken ones are left out", shards.skipped.size()));
  }

  /// With what killed processes left of shards that are whole now.
  void remove_locks() const {
    std::error_code gone;
    for (const auto& entry : fs::directory_iterator(job_.out)) {
      const std::string ending = entry.path().extension().string();
      if (ending == ".lock" || ending == ".tmp") fs::remove(entry.path(), gone);
    }
  }

  const ShardingJob& job_;
  ProgressLine line_;
  Part train_;
  Part test_;
  io::ShardPlan plan_;
  std::size_t every_ = 1;
  std::vector<std::string> broken_;
  std::set<fs::path> given_up_;
  std::set<fs::path> known_;
};

}  // namespace

void make_shards(const ShardingJob& job) {
  Sharding(job).run();
}

}  // namespace hierevo::app
