#include "training_options.hpp"

#include <algorithm>
#include <filesystem>
#include <map>

#include "hierevo/comm/mpi_session.hpp"
#include "hierevo/core/error.hpp"
#include "hierevo/core/file.hpp"
#include "hierevo/core/numbers.hpp"
#include "hierevo/io/image_shards.hpp"

namespace hierevo::app {

bool DataOptions::is_prepared() const {
  const std::filesystem::path path(dataset);
  return path.has_extension() || path.has_parent_path() || is_shards();
}

bool DataOptions::is_shards() const {
  return !dataset.empty() && (io::is_shard_folder(prepared_path()) || io::is_shard_folder(dataset));
}

void DataOptions::add_to(OptionSet& options) {
  options.group("Data");
  // What the data are is known by their fingerprint.
  const Facts place{.change = Change::between_ranks};
  options.add(
      "dataset", &dataset,
      "fashion-mnist, mnist, cifar10, cifar100, idx (any other in MNIST's format), or what hierevo "
      "prepare has created: a pack, FILE.h5, or, only for hierevo train, a FOLDER of JPEG shards",
      place);
  options.add("data-dir", &data_dir,
              "folder of the data set's files, or of a pack given without a folder; empty: "
              "HIEREVO_DATA_DIR, or the place of Debian's package of fashion-mnist",
              place);
  options.add("train-size", &train_size, "training images; 0: all except the validation images");
  options.explain("train-size", [this] { return meaning_of_train_size(); });
  options.default_from_environment("data-dir", "HIEREVO_DATA_DIR");
  options.when_read([this, &options] { complete_paths(options); });
}

std::string DataOptions::meaning_of_train_size() const {
  static const std::map<std::string, std::int64_t, std::less<>> published = {
      {"fashion-mnist", 60'000}, {"mnist", 60'000}, {"cifar10", 50'000}, {"cifar100", 50'000}};
  const auto images = published.find(dataset);
  if (train_size != 0 || images == published.end()) return {};
  return fmt::format("all except the validation images: {}", images->second - validation_size);
}

std::filesystem::path DataOptions::prepared_path() const {
  const std::filesystem::path folder(data_dir);
  if (data_dir.empty()) return dataset;
  // A folder that was staged is the folder of the data itself.
  if (folder.filename() == dataset && io::is_shard_folder(folder)) return folder;
  return folder / dataset;
}

void DataOptions::complete_paths(const OptionSet& options) {
  const auto complete = [](std::string& path) {
    path = std::filesystem::weakly_canonical(std::filesystem::absolute(path)).string();
  };
  if (!data_dir.empty()) complete(data_dir);
  if (!is_prepared()) return;
  const bool has_folder = std::filesystem::path(dataset).has_parent_path();
  const bool in_data_dir = !data_dir.empty() && !has_folder;
  // The environment's folder is meant for data sets that are named without one.
  if (!options.given("data-dir") && !(in_data_dir && core::path_exists(prepared_path())))
    data_dir = "";
  if (!data_dir.empty() && has_folder) {
    throw core::UsageError(fmt::format("--data-dir cannot be used with '{}'", dataset),
                           "its path says where it is", "Leave --data-dir out.");
  }
  if (data_dir.empty()) complete(dataset);
}

void DataOptions::add_validation_to(OptionSet& options) {
  options.add("validation-size", &validation_size,
              "images of the training set that are held out for validation");
}

void TrainOptions::add_to(OptionSet& options) {
  options.group("Training");
  options.add("steps", &numbers.steps, "steps of one training", {.range = nn::steps_range});
  options.add("batch", &numbers.batch, "images per step", {.range = nn::batch_range});
  options.add("crop", &numbers.crop, "height and width of random training crops",
              {.range = nn::crop_range, .unit = "pixels", .zero = "whole images"});
  options.add("flip", &numbers.flip, "mirror half of the training images");
  options.add("lr", &numbers.learning_rate, "learning rate at the start",
              {.range = nn::learning_rate_range});
  options.add("lr-drops", &drops, "shares of the steps after which the rate drops");
  options.explain("lr-drops", [this] { return meaning_of_drops(); });
  options.add("lr-factor", &numbers.learning_rate_factor, "factor at each drop",
              {.range = nn::learning_rate_factor_range});
  options.add("momentum", &numbers.momentum, "momentum of SGD", {.range = nn::momentum_range});
  options.add("weight-decay", &numbers.weight_decay, "L2 penalty on weights",
              {.range = nn::weight_decay_range});
  options.add("decay-norms", &numbers.decay_norms,
              "weight decay also on batch normalisation and biases");
  options.add("evaluation-batch", &numbers.evaluation_batch, "batch size in validation and tests",
              {.range = nn::evaluation_batch_range});
  options.add("threads", &threads, "CPU threads of a process that trains; a step uses 16 at most",
              {.range = core::between(1, 1024, "it is a number of CPU threads"),
               .change = Change::between_starts});
  options.group("Training, beyond the paper (off by default)");
  options.add("schedule", &schedule,
              "how the rate falls: by drops after some steps, or as a cosine to 0",
              {.choices = {"steps", "cosine"}});
  options.add("warmup", &numbers.warmup, "steps over which the rate rises from 0",
              {.range = nn::warmup_range});
  options.add("lr-reference-batch", &lr_reference_batch,
              "--lr is meant for batches of this size: the rate becomes lr × batch / "
              "lr-reference-batch (with "
              "large batches add --warmup)",
              {.range = core::at_least(0), .unit = "images", .zero = "--lr as it is"});
  options.add("label-smoothing", &numbers.label_smoothing, "share of targets spread over classes",
              {.range = nn::share_below_1_range});
  options.add("mixup", &numbers.mixup, "alpha of mixup",
              {.range = nn::alpha_range, .zero = "none"});
  options.add("cutmix", &numbers.cutmix,
              "alpha of CutMix; with mixup, one of the two at random in each step",
              {.range = nn::alpha_range, .zero = "none"});
  options.add("cutout", &numbers.cutout, "side of a square cut out of each image",
              {.range = nn::cutout_range, .unit = "pixels", .zero = "none"});
  options.add("brightness", &numbers.brightness, "largest change of an image's brightness",
              {.range = nn::share_range});
  options.add("contrast", &numbers.contrast, "largest change of an image's contrast",
              {.range = nn::share_range});
  options.add("drop-path", &numbers.drop_path,
              "probability of dropping a path into a concatenation",
              {.range = nn::share_below_1_range});
  options.add("clip-norm", &numbers.clip_norm, "largest norm of the gradient",
              {.range = nn::clip_norm_range, .zero = "no limit"});
  options.add("micro-batches", &numbers.micro_batches,
              "parts of a batch computed one after another, which saves memory",
              {.range = nn::micro_batches_range});
  options.add("bf16", &numbers.bf16, "multiply in bfloat16");
  options.add("ema-decay", &numbers.ema_decay,
              "decay of the weights' running average, which is then tested",
              {.range = nn::share_below_1_range, .zero = "none"});
}

std::string TrainOptions::meaning_of_drops() const {
  const nn::TrainingOptions training = this->training();
  if (training.schedule != nn::Schedule::steps || training.learning_rate_drops.empty()) return {};
  return fmt::format("after {} steps", fmt::join(nn::steps_of_drops(training), ", "));
}

nn::TrainingOptions TrainOptions::training() const {
  nn::TrainingOptions training = numbers;
  training.schedule = schedule == "cosine" ? nn::Schedule::cosine : nn::Schedule::steps;
  training.learning_rate_drops.clear();
  std::string_view rest = drops;
  while (!rest.empty()) {
    const std::string_view item = rest.substr(0, rest.find(','));
    const auto share = core::parse_number<double>(item);
    if (!share) {
      throw core::UsageError(fmt::format("--lr-drops is '{}'", drops),
                             "it must be numbers separated by commas",
                             "For example --lr-drops 0.8,0.9.");
    }
    training.learning_rate_drops.push_back(*share);
    rest.remove_prefix(std::min(rest.size(), item.size() + 1));
  }
  naming_options([&training] { nn::check(training); });
  if (lr_reference_batch > 0) {
    training.learning_rate *=
        static_cast<double>(training.batch) / static_cast<double>(lr_reference_batch);
    naming_options([&training] { nn::check(training); });
  }
  return training;
}

void check_only_repeat(int only_repeat, int repeats) {
  if (only_repeat <= repeats) return;
  throw core::UsageError(fmt::format("--only-repeat is {}", only_repeat),
                         fmt::format("--repeats is {}", repeats),
                         "Give a number from 1 to --repeats, or 0 for all.");
}

void require_one_process(std::string_view command) {
  if (!comm::MpiSession::launched_by_mpi()) return;
  throw core::UsageError(
      fmt::format("hierevo {} cannot be run under mpirun or srun with several tasks", command),
      "each would do the same", "Start it alone; --threads N uses more cores.");
}

}  // namespace hierevo::app
