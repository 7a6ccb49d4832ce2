// Options of the data and the training, shared by several commands.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "hierevo/nn/training_options.hpp"
#include "option_set.hpp"

namespace hierevo::app {

/// --dataset, --data-dir, --train-size: what is learnt from; --validation-size: what validates.
struct DataOptions {
  std::string dataset = "fashion-mnist";
  std::string data_dir;
  std::int64_t train_size = 0;
  std::int64_t validation_size = 10'000;

  /// Whether --dataset was prepared, a pack or a folder of shards: the names of data sets have
  /// neither a folder nor an ending, and are no folder of shards.
  bool is_prepared() const;
  bool is_shards() const;
  /// Where it lies: a name without a folder may be one in --data-dir, or that of --data-dir itself,
  /// and is recorded as it is, since that may be another folder at each start.
  std::filesystem::path prepared_path() const;
  /// --data-dir is by default the environment's HIEREVO_DATA_DIR, unless --dataset is prepared and
  /// not there. Paths become absolute ones, so that a run can be gone on with from any folder.
  void add_to(OptionSet& options);
  /// Behind add_to(), where a part of the training set validates.
  void add_validation_to(OptionSet& options);

 private:
  void complete_paths(const OptionSet& options);
  /// How many images train; empty where --train-size says it, or only the data could.
  std::string meaning_of_train_size() const;
};

/// --steps … --ema-decay: how a network is trained (PAPER section 4).
struct TrainOptions {
  nn::TrainingOptions numbers;
  std::string drops = "0.8,0.9";
  std::string schedule = "steps";
  std::int64_t lr_reference_batch = 0;
  int threads = 1;

  void add_to(OptionSet& options);
  /// The numbers with the drops read. Throws UsageError.
  nn::TrainingOptions training() const;

 private:
  /// After which steps the rate drops; empty where it does not.
  std::string meaning_of_drops() const;
};

/// Of options that say how many trainings are averaged.
inline constexpr auto repeats_range = core::between(1, 1000, "each of them is kept");
/// Of options in seconds: up to 30 years, which every clock can count.
inline constexpr core::NumberRange interval_range = {
    .least = 0, .most = 1e9, .without_least = true};
/// Throws UsageError unless it is one of the repeats, or 0 for all.
void check_only_repeat(int only_repeat, int repeats);
/// Throws UsageError where mpirun or srun started several processes of a command that works alone.
void require_one_process(std::string_view command);

}  // namespace hierevo::app
