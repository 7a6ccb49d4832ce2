#include "data_source.hpp"

#include <fmt/format.h>

#include <filesystem>
#include <system_error>

#include "hierevo/core/error.hpp"
#include "hierevo/io/data_pack.hpp"

namespace hierevo::app {

namespace {

[[noreturn]] void refuse_folder(const std::filesystem::path& path) {
  throw core::UsageError(fmt::format("--dataset is '{}', a folder", path.string()),
                         "it has no index.h5, which hierevo prepare writes last",
                         "Run hierevo prepare (again), or name the FILE.h5 that it made.");
}

}  // namespace

data::Dataset read_dataset(const DataOptions& options) {
  std::error_code unreachable;
  if (!options.is_prepared()) {
    if (!data::is_dataset_name(options.dataset) &&
        std::filesystem::is_directory(options.dataset, unreachable)) {
      refuse_folder(options.dataset);
    }
    return naming_options([&] { return data::load_dataset(options.dataset, options.data_dir); });
  }
  if (options.is_shards()) {
    throw core::UsageError(
        fmt::format("'{}' is a folder of JPEG shards", options.prepared_path().string()),
        "only hierevo train decodes images while it trains; here all are kept in memory",
        "Make a pack of small images: hierevo prepare FOLDER --out FILE.h5 --size 64.");
  }
  const std::filesystem::path path = options.prepared_path();
  if (std::filesystem::is_directory(path, unreachable)) refuse_folder(path);
  return io::read_data_pack(path);
}

}  // namespace hierevo::app
