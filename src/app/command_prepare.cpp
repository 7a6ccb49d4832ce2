#include <fmt/format.h>

#include <filesystem>

#include "commands.hpp"
#include "hierevo/core/error.hpp"
#include "hierevo/nn/dataset.hpp"
#include "hierevo/nn/image_folder.hpp"
#include "hierevo/nn/threads.hpp"
#include "option_set.hpp"
#include "packing.hpp"
#include "program.hpp"

namespace hierevo::app {

namespace {

namespace fs = std::filesystem;

struct PrepareOptions {
  PackingJob job;
  std::string progress = "auto";

  void add_to(OptionSet& options);
  void check() const;
};

void PrepareOptions::add_to(OptionSet& options) {
  options.group("Packing");
  options.add_positional("source", &job.source, "the folder to pack; may stand without --source");
  options.add("out", &job.out, "the pack to make, FILE.h5");
  options.add("size", &job.size,
              "image folders: scale the short side to this and take the middle square; 0: keep");
  options.add("threads", &job.threads, "image folders: threads that decode");
  options.add("progress", &progress, "auto, live, lines or off", OptionSet::Record::no);
  options.epilogue(
      "Examples:\n"
      "  hierevo prepare cifar-10-batches-bin --out cifar10.h5\n"
      "  hierevo prepare ILSVRC/Data/CLS-LOC --out imagenet64.h5 --size 64\n"
      "  hierevo search --dataset cifar10.h5 ...\n");
}

void PrepareOptions::check() const {
  if (job.source.empty()) {
    throw core::UsageError("There is nothing to pack", "no folder is given",
                           "For example hierevo prepare FOLDER --out FILE.h5.");
  }
  if (fs::path(job.out).extension() != ".h5") {
    throw core::UsageError(fmt::format("--out is '{}'", job.out), "a pack's name ends with .h5",
                           "Give --out FILE.h5.");
  }
  if (fs::exists(job.out)) {
    throw core::UsageError(fmt::format("'{}' is already there", job.out),
                           "files are not written over", "Give another name, or remove it.");
  }
  const fs::path folder = fs::path(job.out).parent_path();
  if (!folder.empty() && !fs::is_directory(folder)) {
    throw core::UsageError(fmt::format("There is no folder '{}'", folder.string()),
                           fmt::format("--out is '{}'", job.out), "Make it first.");
  }
  constexpr std::int64_t largest_size = 4096;
  if (job.size < 0 || job.size > largest_size) {
    throw core::UsageError(fmt::format("--size is {}", job.size), "",
                           fmt::format("Give 1 to {}, or 0 to keep sizes.", largest_size));
  }
  if (job.threads < 1 || job.threads > 1024) {
    throw core::UsageError(fmt::format("--threads is {}", job.threads), "",
                           "Give a number from 1 to 1024.");
  }
  if (!fs::is_directory(job.source)) {
    throw core::UsageError(fmt::format("There is no folder '{}'", job.source), "",
                           "Name the folder that the publisher's files or the images are in.");
  }
}

}  // namespace

int command_prepare(const Arguments& arguments) {
  PrepareOptions prepare;
  OptionSet options(
      "usage: hierevo prepare FOLDER --out FILE.h5 [--size N]",
      "Packs a data set into one HDF5 file, for --dataset FILE.h5. FOLDER holds\n"
      "train/CLASS/*.jpg and, if there is something to test on, test/CLASS/*.jpg (or\n"
      "val, validation); or the binary files of CIFAR-10 or CIFAR-100; or four IDX\n"
      "files as those of MNIST.");
  prepare.add_to(options);
  if (!options.parse(arguments)) return 0;
  prepare.check();
  PackingJob& job = prepare.job;
  job.progress = ProgressLine::mode_named(prepare.progress);
  nn::set_threads(1);
  catch_stop_signals();
  const std::string_view dataset = nn::dataset_in(job.source);
  if (!dataset.empty()) {
    pack_dataset(dataset, job);
  } else if (nn::is_image_folder(job.source)) {
    pack_folder(job);
  } else {
    throw core::UsageError(fmt::format("There is no data set in '{}'", job.source),
                           "neither train/CLASS/*.jpg nor binary files of CIFAR nor IDX files",
                           "See hierevo prepare --help.");
  }
  fmt::print(stderr, "Packed into '{}' ({:.1f} MB).\n", job.out,
             static_cast<double>(fs::file_size(job.out)) / 1e6);
  return 0;
}

}  // namespace hierevo::app
