#include "sharding.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <numeric>
#include <optional>
#include <set>
#include <span>
#include <utility>
#include <vector>

#include "hierevo/core/error.hpp"
#include "hierevo/core/file.hpp"
#include "hierevo/core/log.hpp"
#include "hierevo/core/parallel_for.hpp"
#include "hierevo/core/standard_error.hpp"
#include "hierevo/data/jpeg_files.hpp"
#include "hierevo/io/image_shards.hpp"
#include "program.hpp"
#include "sharding_plan.hpp"

namespace hierevo::app {

namespace {

namespace fs = std::filesystem;

/// An image on its way into a shard.
struct Candidate {
  std::vector<std::byte> file;
  data::JpegInfo found;
  io::PixelSums sums;  ///< of a sampled one
};

/// What statistics look at: the middle as a network for ImageNet sees it.
constexpr std::int64_t sampled_size = 299;

/// A process that makes shards of a folder.
class Sharding {
 public:
  explicit Sharding(const PackingJob& job) : job_(job), plan_(job), line_(job.progress) {}

  void run() {
    make_folder();
    while (make_missing()) {
    }
    line_.end();
    if (!broken_.empty()) {
      refuse_broken(job_, broken_,
                    fmt::format("{} of {} shards are not made because of them", given_up_.size(),
                                plan_.shards().size()));
    }
    const std::size_t missing = count_missing();
    if (missing > 0) {
      core::write_line("{} shards are left to other processes, which will write the index.",
                       missing);
      return;
    }
    require_todays_images();
    io::write_shard_index(job_.out, plan_.index());
    remove_locks();
    report_skipped();
  }

 private:
  /// Nothing is written between files of somebody else's.
  void make_folder() const {
    std::error_code error;
    fs::create_directories(job_.out, error);
    if (error) throw core::IoError(job_.out, "make", error.value());
    for (const auto& entry : fs::directory_iterator(job_.out)) {
      const std::string name = entry.path().filename().string();
      const bool ours = (name.starts_with("index.h5") || name.starts_with("train-") ||
                         name.starts_with("test-")) &&
                        name.find(".h5") != std::string::npos;
      if (ours) {
        refuse_dead_link(entry.path());
        continue;
      }
      throw core::UsageError(fmt::format("'{}' is not a folder of shards", job_.out),
                             fmt::format("'{}' is in it", name),
                             "Give --out a folder that is empty or does not exist yet.");
    }
  }

  /// Nothing can be made in its place.
  static void refuse_dead_link(const fs::path& path) {
    if (core::path_exists(path) || !core::name_is_taken(path)) return;
    throw core::UsageError(fmt::format("'{}' is a broken link", path.string()),
                           "a shard cannot be made in its place", "Fix the link, or remove it.");
  }

  /// Of earlier starts and of other processes: images may have changed meanwhile.
  void require_todays_images() const {
    for (const PlannedShard& shard : plan_.shards()) {
      if (made_.contains(shard.path)) continue;
      const std::vector<std::size_t> sizes = sizes_of(shard.files);
      std::vector<io::SourceImage> sources;
      for (std::size_t i = 0; i < sizes.size(); ++i) {
        sources.push_back({shard.name_of(shard.files[i]), sizes[i]});
      }
      io::require_images(shard.path, sources);
    }
  }

  std::size_t count_missing() const {
    return static_cast<std::size_t>(std::ranges::count_if(
        plan_.shards(), [](const PlannedShard& shard) { return !core::path_exists(shard.path); }));
  }

  /// Whether it made any: another process may have given one up meanwhile.
  bool make_missing() {
    bool made = false;
    for (const PlannedShard& shard : plan_.shards()) made = make_if_missing(shard) || made;
    return made;
  }

  bool make_if_missing(const PlannedShard& shard) {
    if (given_up_.contains(shard.path)) return false;
    if (core::path_exists(shard.path)) {
      if (known_.insert(shard.path).second) io::require_shard(shard.path, shard.info);
      return false;
    }
    std::optional<core::FileLock> lock;
    try {
      lock = core::FileLock::try_acquire(shard.path.string() + ".lock");
      if (!lock) return false;  // another process is making it
    } catch (const core::IoError& error) {
      // Two processes may then make the same shard, and one is kept.
      core::log(core::LogLevel::warning, "{}", error.what());
    }
    if (core::path_exists(shard.path)) return false;
    make(shard);
    return true;
  }

  void make(const PlannedShard& shard) {
    shard_began_ = std::chrono::steady_clock::now();
    const std::vector<std::size_t> sizes = sizes_of(shard.files);
    io::ImageShardWriter writer(job_.out, shard.info,
                                std::accumulate(sizes.begin(), sizes.end(), std::size_t{0}));
    io::PixelSums sums;
    std::vector<std::string> skipped;
    const std::size_t batch = 32 * static_cast<std::size_t>(job_.threads);
    for (std::size_t i = 0; i < shard.files.size(); i += batch) {
      const auto some = shard.files.subspan(i, std::min(batch, shard.files.size() - i));
      const auto candidates = looked_at(shard, i, some.size());
      for (std::size_t k = 0; k < some.size(); ++k) {
        require_size(some[k], candidates[k].file.size(), sizes[i + k]);
        const data::JpegInfo& found = candidates[k].found;
        const std::string name = shard.name_of(some[k]);
        if (!found.problem.empty()) {
          skipped.push_back(fmt::format("{} ({})", name, found.problem));
          continue;
        }
        writer.append({name, some[k].label, static_cast<std::uint32_t>(found.size.height),
                       static_cast<std::uint32_t>(found.size.width)},
                      candidates[k].file);
        sums.add(candidates[k].sums);
      }
      show_progress(shard.path, i + some.size(), shard.files.size());
    }
    finish(writer, shard, sums, skipped);
  }

  std::vector<std::size_t> sizes_of(std::span<const data::LabelledFile> files) const {
    std::vector<std::size_t> sizes(files.size());
    core::parallel_for(files.size(), job_.threads, [&](std::size_t i) {
      std::error_code no_file;  // its problem, which is told when it is read
      const std::uintmax_t size = fs::file_size(files[i].path, no_file);
      sizes[i] = no_file ? 0 : size;
    });
    return sizes;
  }

  /// A shard has room for what its images were when it was begun.
  static void require_size(const data::LabelledFile& file, std::size_t found,
                           std::size_t expected) {
    if (found == expected) return;
    throw core::UsageError(fmt::format("'{}' changes while it is packed", file.path.string()),
                           fmt::format("it has {} bytes, and had {} a moment ago", found, expected),
                           "Run the same command again when the folder is complete.");
  }

  void finish(io::ImageShardWriter& writer, const PlannedShard& shard, const io::PixelSums& sums,
              const std::vector<std::string>& skipped) {
    if (!skipped.empty() && (!job_.skip_broken || skipped.size() == shard.files.size())) {
      broken_.insert(broken_.end(), skipped.begin(), skipped.end());
      given_up_.insert(shard.path);
      return;
    }
    writer.finish(sums, skipped);
    made_.insert(shard.path);
  }

  /// Reads and checks images `first` and following of the shard by the threads.
  std::vector<Candidate> looked_at(const PlannedShard& shard, std::size_t first,
                                   std::size_t count) const {
    std::vector<Candidate> candidates(count);
    core::parallel_for(count, job_.threads, [&](std::size_t i) {
      Candidate& candidate = candidates[i];
      data::ImageBytes image = data::read_image_bytes(shard.files[first + i].path);
      candidate.file = std::move(image.bytes);
      if (image.problem.empty()) {
        candidate.found = data::inspect_jpeg(candidate.file);
      } else {
        candidate.found.problem = std::move(image.problem);
      }
      if (shard.samples(first + i) && candidate.found.problem.empty()) {
        candidate.sums.add(data::decode_center_crop(candidate.file, sampled_size));
      }
    });
    return candidates;
  }

  void show_progress(const fs::path& path, std::size_t done, std::size_t images) {
    if (stop_signal_came()) {
      line_.end();
      throw core::Interrupted("The packing was stopped", "whole shards are kept",
                              "Run the same command again to resume.");
    }
    if (line_.due()) {
      const std::chrono::duration<double> passed = std::chrono::steady_clock::now() - shard_began_;
      line_.show(fmt::format("{}: {}", path.filename().string(),
                             images_text(done, images, passed.count())));
    }
  }

  void report_skipped() const {
    const io::ImageShards shards = io::open_image_shards(job_.out);
    say_left_out(shards.skipped);
    core::write_line("Packed into '{}': {} shards, {} training images, {} test images{}{}.",
                     job_.out, plan_.shards().size(), shards.train.size(), shards.test.size(),
                     shards.test.size() == 0 ? ", which hierevo train requires" : "",
                     left_out_text(shards.skipped.size()));
  }

  /// With what killed processes left of shards that are whole now.
  void remove_locks() const {
    std::error_code gone;
    for (const auto& entry : fs::directory_iterator(job_.out)) {
      const std::string ending = entry.path().extension().string();
      if (ending == ".lock" || ending == ".tmp") fs::remove(entry.path(), gone);
    }
  }

  const PackingJob& job_;
  const ShardingPlan plan_;
  ProgressLine line_;
  std::chrono::steady_clock::time_point shard_began_{};
  std::vector<std::string> broken_;
  std::set<fs::path> given_up_;
  std::set<fs::path> known_;
  std::set<fs::path> made_;  ///< by this process
};

}  // namespace

void make_shards(const PackingJob& job) {
  Sharding(job).run();
}

}  // namespace hierevo::app
