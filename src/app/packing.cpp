#include "packing.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <optional>
#include <span>
#include <vector>

#include "hierevo/core/error.hpp"
#include "hierevo/core/quantity_text.hpp"
#include "hierevo/core/standard_error.hpp"
#include "hierevo/data/dataset.hpp"
#include "hierevo/io/class_names.hpp"
#include "hierevo/io/data_pack.hpp"
#include "program.hpp"

namespace hierevo::app {

namespace {

namespace fs = std::filesystem;
using Part = io::DataPackWriter::Part;

/// Shows the progress of the packing, and stops it when the user asks for that.
class Packing {
 public:
  Packing(ProgressLine::Mode mode, std::size_t images) : line_(mode), images_(images) {}

  void advance(std::size_t images) {
    done_ += images;
    if (stop_signal_came()) {
      line_.end();
      throw core::Interrupted("The packing was stopped", "nothing of it is kept");
    }
    if (!line_.due()) return;
    const double elapsed =
        std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
    line_.show(images_text(done_, images_, elapsed));
  }
  void end() { line_.end(); }

 private:
  ProgressLine line_;
  std::size_t images_;
  std::size_t done_ = 0;
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

void append_all(io::DataPackWriter& writer, Part part, const data::Images& images,
                Packing& packing) {
  constexpr std::size_t at_a_time = 1000;
  std::span<const std::uint8_t> pixels = images.pixels;
  std::span<const std::int64_t> labels = images.labels;
  while (!labels.empty()) {
    const std::size_t some = std::min(at_a_time, labels.size());
    const std::size_t bytes = some * images.shape.bytes();
    writer.append(part, pixels.first(bytes), labels.first(some));
    pixels = pixels.subspan(bytes);
    labels = labels.subspan(some);
    packing.advance(some);
  }
}

/// "cifar10"; of the many that are just IDX files the name of their folder.
std::string source_name(std::string_view dataset, const std::string& folder) {
  const bool known = !dataset.empty() && dataset != "idx";
  return known ? std::string(dataset) : folder_name(folder);
}

/// Makes a pack of what the writer was given.
void finish(io::DataPackWriter& writer, const PackingJob& job, std::size_t left_out) {
  writer.finish();
  core::write_line("Packed into '{}' ({:.1f} MB){}.", job.out,
                   static_cast<double>(fs::file_size(job.out)) / 1e6, left_out_text(left_out));
}

/// Options that have no meaning for published data sets.
void refuse_image_options(std::string_view name, const PackingJob& job) {
  const std::string_view given = job.size != 0                    ? "--size"
                                 : !job.validation_labels.empty() ? "--validation-labels"
                                 : !job.labels_from.empty()       ? "--labels-from"
                                 : job.skip_broken                ? "--skip-broken"
                                                                  : "";
  if (given.empty()) return;
  throw core::UsageError(
      fmt::format("{} cannot be used here", given),
      fmt::format("'{}' is {}, whose images are packed as they are", job.source, name),
      "Leave it out.");
}

[[noreturn]] void refuse_sizes(const fs::path& a, data::ImageSize size_a, const fs::path& b,
                               data::ImageSize size_b) {
  throw core::UsageError(
      fmt::format("'{}' and '{}' differ in size", a.string(), b.string()),
      fmt::format("{}×{} and {}×{}, and a pack's images have one size", size_a.height, size_a.width,
                  size_b.height, size_b.width),
      "Give --size N to make all of them N×N, or --out FOLDER to keep JPEG files as they are.");
}

/// A pack of a folder of images on its way.
class FolderPacking {
 public:
  explicit FolderPacking(const PackingJob& job)
      : job_(job),
        folder_(found_images(job)),
        progress_(job.progress, folder_.train.size() + folder_.test.size()) {}

  void run() {
    const fs::path source(job_.source);
    const auto train = add_all(Part::train, source / "train", folder_.train);
    const auto test = add_all(Part::test, source / folder_.test_folder, folder_.test);
    progress_.end();
    std::vector<std::string> broken = train;
    broken.insert(broken.end(), test.begin(), test.end());
    if (!writer_) refuse_broken(job_, broken, fmt::format("'{}' is not made", job_.out));
    say_left_out(broken);
    writer_->leave_out(Part::train, train);
    writer_->leave_out(Part::test, test);
    finish(*writer_, job_, broken.size());
  }

 private:
  /// Returns the broken ones among them, and what is wrong with each.
  std::vector<std::string> add_all(Part part, const fs::path& folder,
                                   std::span<const data::LabelledFile> files) {
    std::vector<std::string> broken;
    while (!files.empty()) {
      const auto some = files.first(std::min(images_at_a_time(), files.size()));
      files = files.subspan(some.size());
      const auto only = writer_ ? std::optional(first_.size) : std::nullopt;
      const std::vector<data::ReadImage> images =
          data::read_images(some, job_.size, job_.threads, only);
      for (std::size_t i = 0; i < some.size(); ++i) {
        if (images[i].problem.empty()) {
          add(part, some[i], images[i]);
        } else {
          broken.push_back(fmt::format("{} ({})", name_in(folder, some[i]), images[i].problem));
          if (!job_.skip_broken) give_up();
        }
      }
      progress_.advance(some.size());
    }
    return broken;
  }

  /// As many as keep the threads busy, unless they are large. The first image alone: it says which
  /// size the others must have.
  std::size_t images_at_a_time() const {
    if (job_.size == 0 && !writer_ && !given_up_) return 1;
    constexpr std::size_t most_bytes = 256 << 20;
    const auto threads = static_cast<std::size_t>(job_.threads);
    const std::size_t bytes = job_.size > 0 ? data::ImageShape{3, {job_.size, job_.size}}.bytes()
                              : writer_     ? first_.bytes()
                                            : most_bytes;
    return std::clamp(most_bytes / bytes, threads, 32 * threads);
  }

  void add(Part part, const data::LabelledFile& file, const data::ReadImage& image) {
    if (given_up_) return;
    if (!writer_) {
      first_path_ = file.path;
      first_ = image.shape;
      writer_.emplace(job_.out,
                      io::DataPackInfo{source_name("", job_.source), folder_.class_names, first_},
                      folder_.train.size(), folder_.test.size());
    }
    if (image.shape != first_) {
      refuse_sizes(first_path_, first_.size, file.path, image.shape.size);
    }
    writer_->append(part, image.pixels, std::span(&file.label, 1));
  }

  /// The others are still looked at, so that the user learns of all broken ones at once.
  void give_up() {
    given_up_ = true;
    writer_.reset();
  }

  const PackingJob& job_;
  const data::ImageFolder folder_;
  Packing progress_;
  std::optional<io::DataPackWriter> writer_;
  fs::path first_path_;
  data::ImageShape first_;  ///< that all have, once there is a writer
  bool given_up_ = false;
};

void say_unused(const fs::path& source, const std::string& name, const std::string& tested) {
  const std::string tests = tested.empty()
                                ? "The folder of a test set is called test, val or validation."
                                : fmt::format("'{}' is tested on.", (source / tested).string());
  core::write_line("'{}' is not used{} {}", (source / name).string(),
                   name == "test" ? ": its images are not in a folder for each class." : ".",
                   tests);
}

}  // namespace

void say_found(std::string_view what, std::string_view source, std::size_t classes,
               std::size_t train, std::size_t test) {
  core::write_line("'{}' is {}: {} classes, {} training images, {}.", source, what, classes, train,
                   test == 0 ? "no test images, which hierevo train requires"
                             : fmt::format("{} test images", test));
}

std::string folder_name(const std::string& folder) {
  return fs::weakly_canonical(folder).filename().string();
}

void pack_dataset(std::string_view name, const PackingJob& job) {
  refuse_image_options(name, job);
  const data::Dataset dataset = data::load_dataset(name, job.source);
  io::require_distinct(dataset.class_names);
  const auto train = static_cast<std::size_t>(dataset.train.size());
  const auto test = static_cast<std::size_t>(dataset.test.size());
  say_found(name, job.source, dataset.class_names.size(), train, test);
  Packing packing(job.progress, train + test);
  io::DataPackWriter writer(
      job.out, {source_name(name, job.source), dataset.class_names, dataset.train.shape}, train,
      test);
  append_all(writer, Part::train, dataset.train, packing);
  append_all(writer, Part::test, dataset.test, packing);
  packing.end();
  finish(writer, job, 0);
}

data::ImageFolder found_images(const PackingJob& job) {
  data::ValidationLabelFiles labels{job.validation_labels, job.synsets, {}};
  if (!job.labels_from.empty()) labels.first_number = job.labels_from == "0" ? 0 : 1;
  data::ImageFolder found = data::scan_image_folder(job.source, labels);
  io::require_distinct(found.class_names);
  say_found("a folder of images", job.source, found.class_names.size(), found.train.size(),
            found.test.size());
  if (!found.label_assumption.empty()) {
    core::write_line("'{}': {}. Use --labels-from to state it.", job.validation_labels,
                     found.label_assumption);
  }
  for (const std::string& name : found.unused) say_unused(job.source, name, found.test_folder);
  return found;
}

std::string name_in(const fs::path& folder, const data::LabelledFile& file) {
  return file.path.lexically_relative(folder).string();
}

void refuse_broken(const PackingJob& job, std::span<const std::string> images,
                   std::string_view consequence) {
  for (const auto& image : images) core::write_line("broken: {}", image);
  throw core::UsageError(
      images.size() == 1 ? "1 image is broken" : fmt::format("{} images are broken", images.size()),
      std::string(consequence),
      job.skip_broken
          ? "Without them there is nothing to pack: repair some, and run the same command again."
          : "Repair them, or leave them out with --skip-broken, and run the same command again.");
}

void say_left_out(std::span<const std::string> images) {
  for (const auto& image : images) core::write_line("left out: {}", image);
}

std::string left_out_text(std::size_t images) {
  if (images == 0) return "";
  return images == 1 ? "; 1 broken image is left out"
                     : fmt::format("; {} broken images are left out", images);
}

void pack_folder(const PackingJob& job) {
  FolderPacking(job).run();
}

}  // namespace hierevo::app
