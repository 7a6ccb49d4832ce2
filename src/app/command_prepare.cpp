#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <span>
#include <string_view>
#include <vector>

#include "commands.hpp"
#include "hierevo/core/error.hpp"
#include "hierevo/core/file.hpp"
#include "hierevo/core/standard_error.hpp"
#include "hierevo/data/dataset.hpp"
#include "hierevo/data/image_folder.hpp"
#include "option_set.hpp"
#include "pack_claim.hpp"
#include "packing.hpp"
#include "program.hpp"
#include "sharding.hpp"

namespace hierevo::app {

namespace {

namespace fs = std::filesystem;

struct PrepareOptions {
  PackingJob job;
  std::string progress = "auto";

  /// Whether a folder of shards is to be made, not a pack of pixels.
  bool keeps_jpeg() const { return !fs::path(job.out).has_extension(); }

  void add_to(OptionSet& options);
  /// `new/` is the folder `new`.
  void drop_trailing_slash();
  void check() const;

 private:
  void check_pack() const;
  void check_shards() const;
};

void PrepareOptions::add_to(OptionSet& options) {
  options.group("Packing");
  options.add_positional("source", &job.source,
                         "the folder to pack; --source itself may be omitted");
  options.add("out", &job.out,
              "what to create: FILE.h5, a pack of pixels; or FOLDER (no dot in its name), shards "
              "of unchanged JPEG files");
  options.add("size", &job.size,
              "packs of image folders: scale the short side to this and take the centre square",
              {.range = core::between(0, 4096), .unit = "pixels", .zero = "sizes as they are"});
  options.add("shard-images", &job.shard_images,
              "shards: images in each; 10000 of ILSVRC's are about 1 GB",
              {.range = core::at_least(1)});
  options.add("progress", &progress, "how progress is shown", progress_facts());
  options.group("Folders of images");
  options.add(
      "validation-labels", &job.validation_labels,
      "classes of the images in val/ if these are not in a folder for each class: one class per "
      "line in the order of the images, or NAME CLASS per line, or LOC_val_solution.csv");
  options.add("synsets", &job.synsets,
              "classes in the order of their numbers, one name per line (such as map_clsloc.txt), "
              "if --validation-labels has numbers, like ILSVRC2012_validation_ground_truth.txt");
  options.add("labels-from", &job.labels_from,
              "the number of the first class, if --validation-labels has numbers; by default 0 if "
              "a 0 occurs, 1 if the number of classes does",
              {.choices = {"0", "1"}});
  options.add("skip-broken", &job.skip_broken,
              "leave broken images out, and list them in the result");
  options.add("threads", &job.threads, "threads that read images",
              {.range = core::between(1, 1024)});
  options.epilogue(
      "Examples:\n"
      "  hierevo prepare cifar-10-batches-bin --out cifar10.h5\n"
      "  hierevo prepare ILSVRC/Data/CLS-LOC --out imagenet64.h5 --size 64 --threads 8 \\\n"
      "      --validation-labels ILSVRC/LOC_val_solution.csv --skip-broken\n"
      "  hierevo prepare ILSVRC/Data/CLS-LOC --out imagenet --threads 8 \\\n"
      "      --validation-labels ILSVRC/LOC_val_solution.csv --skip-broken\n"
      "  hierevo search --dataset cifar10.h5 ...\n");
}

void PrepareOptions::drop_trailing_slash() {
  const fs::path out(job.out);
  if (!out.has_filename() && out.has_relative_path() && !out.parent_path().has_extension()) {
    job.out = out.parent_path().string();
  }
}

void PrepareOptions::check() const {
  if (job.source.empty()) {
    throw core::UsageError("There is nothing to pack", "no folder is given",
                           "For example hierevo prepare FOLDER --out FILE.h5.");
  }
  if (job.out.empty() || (!keeps_jpeg() && fs::path(job.out).extension() != ".h5")) {
    throw core::UsageError(fmt::format("--out is '{}'", job.out),
                           "the name of a pack ends with .h5",
                           "Give --out FILE.h5, or --out FOLDER for shards of JPEG files.");
  }
  const fs::path folder = fs::path(job.out).parent_path();
  if (!folder.empty() && !fs::is_directory(folder)) {
    throw core::UsageError(fmt::format("There is no folder '{}'", folder.string()),
                           fmt::format("--out is '{}'", job.out), "Make it first.");
  }
  if (!job.synsets.empty() && job.validation_labels.empty()) {
    throw core::UsageError("--synsets is given without --validation-labels",
                           "it says what the numbers in there mean", "Give both or none.");
  }
  if (!job.labels_from.empty() && job.synsets.empty()) {
    throw core::UsageError("--labels-from is given without --synsets",
                           "it says whether the class numbers in there start from 0 or 1",
                           "Give both or none.");
  }
  if (keeps_jpeg()) {
    check_shards();
  } else {
    check_pack();
  }
  if (!fs::is_directory(job.source)) {
    throw core::UsageError(fmt::format("There is no folder '{}'", job.source), "",
                           "Name the folder that the publisher's files or the images are in.");
  }
}

void PrepareOptions::check_pack() const {
  if (core::name_is_taken(job.out)) {
    throw core::UsageError(fmt::format("'{}' is already there", job.out),
                           "files are not written over", "Give another name, or remove it.");
  }
}

void PrepareOptions::check_shards() const {
  if (job.size != 0) {
    throw core::UsageError("--size cannot be used here",
                           fmt::format("'{}' becomes a folder of unchanged JPEG files", job.out),
                           "Leave it out, or give --out FILE.h5 for a pack of pixels.");
  }
}

/// What is made must not become a part of what is packed.
void require_outside(const fs::path& out, const PackingJob& job) {
  const fs::path source = fs::canonical(job.source);
  const auto [in_source, rest] = std::ranges::mismatch(source, out);
  if (in_source != source.end()) return;
  throw core::UsageError(fmt::format("--out is '{}'", job.out),
                         fmt::format("that is in the folder to pack, '{}'", job.source),
                         "Give a name outside of it.");
}

void keep_jpeg(const PackingJob& job) {
  if (!data::is_image_folder(job.source)) {
    throw core::UsageError(fmt::format("There are no JPEG images in '{}'", job.source),
                           "there is no folder train/CLASS",
                           "Give --out FILE.h5 to pack other data sets.");
  }
  require_outside(fs::weakly_canonical(fs::absolute(job.out)), job);
  make_shards(job);
}

void make_pack(const PackingJob& job) {
  constexpr std::string_view images = "a folder of images";
  std::vector<std::string_view> found = data::datasets_in(job.source);
  if (data::is_image_folder(job.source)) found.push_back(images);
  if (found.empty()) {
    throw core::UsageError(fmt::format("There is no data set in '{}'", job.source),
                           "neither train/CLASS/*.jpg nor binary files of CIFAR nor IDX files",
                           "See hierevo prepare --help.");
  }
  for (const std::string_view other : std::span(found).subspan(1)) {
    core::write_line("'{}' is {} too, which is not used.", job.source, other);
  }
  // Directly in the folder it is in nobody's way.
  const fs::path folder = fs::weakly_canonical(fs::absolute(job.out)).parent_path();
  if (found.front() == images && folder != fs::canonical(job.source)) require_outside(folder, job);
  const PackClaim claim(job.out);
  if (found.front() == images) {
    pack_folder(job);
  } else {
    pack_dataset(found.front(), job);
  }
}

}  // namespace

int command_prepare(const Arguments& arguments) {
  PrepareOptions prepare;
  OptionSet options(
      "usage: hierevo prepare FOLDER --out FILE.h5 [--size N] | --out FOLDER",
      "Packs a data set into one HDF5 file, for --dataset FILE.h5, or keeps JPEG images\n"
      "in a folder of shards, which several processes can create together. FOLDER contains\n"
      "train/CLASS/*.jpg and, for the test set, test/CLASS/*.jpg (or val/, validation/; next\n"
      "to one of these, a test/ without classes, like ILSVRC's, is ignored); or the same with\n"
      "a folder images/ in each of these, like Tiny ImageNet; or the binary files of CIFAR-10\n"
      "or CIFAR-100; or four IDX files like MNIST's.");
  prepare.add_to(options);
  if (!options.parse(arguments)) return 0;
  catch_stop_signals();
  outlive_readers();
  prepare.drop_trailing_slash();
  prepare.check();
  PackingJob& job = prepare.job;
  job.progress = ProgressLine::mode_named(prepare.progress);
  naming_options([&] { prepare.keeps_jpeg() ? keep_jpeg(job) : make_pack(job); });
  return 0;
}

}  // namespace hierevo::app
