#include "hierevo/io/training_snapshot.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <set>
#include <utility>

#include "checksummed_header.hpp"
#include "format_attributes.hpp"
#include "h5.hpp"
#include "hierevo/core/error.hpp"
#include "hierevo/genome/codec.hpp"
#include "snapshot_files.hpp"
#include "utf8.hpp"

namespace hierevo::io {

namespace {

bool is_name(const std::string& name) {
  return !name.empty() && name.front() != '.' &&
         std::all_of(name.begin(), name.end(), [](unsigned char c) {
           return std::isalnum(c) != 0 || c == '.' || c == '-' || c == '_';
         });
}

void write_tensors(hid_t root, const char* name, const std::vector<StoredTensor>& tensors) {
  const h5::Group group = h5::create_group(root, name);
  std::vector<std::string> names;
  for (const StoredTensor& tensor : tensors) {
    if (!is_name(tensor.name)) {
      throw core::InternalError(fmt::format("A tensor is called '{}'", tensor.name));
    }
    names.push_back(tensor.name);
    h5::write_array<float>(group, tensor.name.c_str(), tensor.shape, tensor.values);
  }
  // HDF5 lists members by name; the network has its own order.
  h5::write_strings(root, fmt::format("{}_order", name).c_str(), names);
}

std::vector<StoredTensor> read_tensors(hid_t root, const char* name) {
  const h5::Group group = h5::open_group(root, name);
  const std::string order = fmt::format("{}_order", name);
  const auto names = h5::read_strings(root, order.c_str(), h5::any_number);
  std::set<std::string> known;
  for (const std::string& member : names) {
    if (!is_name(member)) throw h5::Error(fmt::format("a tensor is called '{}'", member));
    if (!known.insert(member).second) {
      throw h5::Error(fmt::format("{} names '{}' twice", order, member));
    }
  }
  h5::require_distinct(group, names);
  std::vector<StoredTensor> tensors;
  for (const std::string& member : names) {
    h5::Array<float> array = h5::read_array<float>(group, member.c_str());
    tensors.push_back({member, std::move(array.shape), std::move(array.values)});
  }
  return tensors;
}

void write_model(hid_t root, const genome::ModelSpec& model) {
  h5::write_text_attribute(root, "model", genome::name(model.kind));
  h5::write_attribute<std::int32_t>(root, "channels", model.channels);
  h5::write_attribute<std::int32_t>(root, "cells", model.cells);
  h5::write_attribute<std::int32_t>(root, "input_channels", model.input_channels);
  h5::write_attribute<std::int32_t>(root, "classes", model.classes);
}

genome::ModelSpec read_model(hid_t root) {
  return {.kind = genome::model_kind_named(h5::read_text_attribute(root, "model")),
          .channels = h5::read_attribute<std::int32_t>(root, "channels"),
          .cells = h5::read_attribute<std::int32_t>(root, "cells"),
          .input_channels = h5::read_attribute<std::int32_t>(root, "input_channels"),
          .classes = h5::read_attribute<std::int32_t>(root, "classes")};
}

std::vector<double> read_optional(hid_t root, const char* name) {
  if (HIEREVO_H5(H5Lexists, root, name, H5P_DEFAULT) == 0) return {};
  return h5::read_vector<double>(root, name);
}

std::vector<std::byte> encode_content(const TrainingSnapshot& snapshot) {
  const h5::Session session;
  const h5::File file = h5::create_file();
  write_format_attributes(file, training_kind, training_kind.version);
  h5::write_text_attribute(file, "genotype", genome::json_text(snapshot.genotype));
  write_model(file, snapshot.model);
  h5::write_text_attribute(file, "options", to_utf8(snapshot.options));
  h5::write_attribute<std::uint64_t>(file, "seed", snapshot.seed);
  h5::write_attribute<double>(file, "seconds", snapshot.seconds);
  h5::write_attribute<double>(file, "top1", snapshot.top1);
  h5::write_attribute<std::int64_t>(file, "best_step", snapshot.best_step);
  h5::write_vector<float>(file, "pixel_mean", snapshot.pixel_mean);
  h5::write_vector<float>(file, "pixel_scale", snapshot.pixel_scale);
  if (!snapshot.repeat_accuracy.empty()) {
    h5::write_vector<double>(file, "repeat_accuracy", snapshot.repeat_accuracy);
    h5::write_vector<double>(file, "repeat_loss", snapshot.repeat_loss);
  }
  h5::write_vector<double>(file, "losses", snapshot.losses);
  write_tensors(file, "weights", snapshot.weights);
  write_tensors(file, "momentum", snapshot.momentum);
  write_tensors(file, "average", snapshot.average);
  return h5::image(file);
}

TrainingSnapshot decode_training_content(std::span<const std::byte> bytes,
                                         const std::filesystem::path& path) {
  const h5::Session session;
  const h5::File file = h5::open_file(bytes, training_kind.longest);
  check_format_attributes(file, path, training_kind);
  const genome::ModelSpec model = read_model(file);
  const auto channels = static_cast<std::size_t>(std::max(0, model.input_channels));
  return {
      .genotype = genome::genotype_from_json(h5::read_text_attribute(file, "genotype"), "genotype"),
      .model = model,
      .pixel_mean = h5::read_vector<float>(file, "pixel_mean", channels),
      .pixel_scale = h5::read_vector<float>(file, "pixel_scale", channels),
      .options = h5::read_text_attribute(file, "options"),
      .seed = h5::read_attribute<std::uint64_t>(file, "seed"),
      .seconds = h5::read_attribute<double>(file, "seconds"),
      .top1 = h5::read_attribute<double>(file, "top1"),
      .best_step = h5::read_attribute<std::int64_t>(file, "best_step"),
      .repeat_accuracy = read_optional(file, "repeat_accuracy"),
      .repeat_loss = read_optional(file, "repeat_loss"),
      .losses = h5::read_vector<double>(file, "losses"),
      .weights = read_tensors(file, "weights"),
      .momentum = read_tensors(file, "momentum"),
      .average = read_tensors(file, "average")};
}

}  // namespace

std::vector<std::byte> encode_training(const TrainingSnapshot& snapshot) {
  try {
    return with_checksummed_header(encode_content(snapshot), training_kind);
  } catch (const h5::Error& error) {
    throw core::InternalError(core::error_text("A training cannot be encoded", error.what()));
  }
}

TrainingSnapshot decode_training(std::span<const std::byte> bytes,
                                 const std::filesystem::path& path) {
  check_checksummed_header(bytes, path, training_kind);
  try {
    return decode_training_content(bytes, path);
  } catch (const NewerVersionError&) {
    throw;
  } catch (const h5::Error& error) {
    throw core::CheckpointError(path, error.what());
  } catch (const core::UsageError& error) {
    throw core::CheckpointError(path, error.what());
  }
}

void save_training(const TrainingSnapshot& snapshot, const std::filesystem::path& path,
                   core::Writers writers) {
  replace_block_file(path, training_kind, encode_training(snapshot), writers);
}

void save_kept_training(const TrainingSnapshot& snapshot, const std::filesystem::path& path) {
  save_kept(path, training_kind, encode_training(snapshot));
}

std::optional<LoadedTraining> load_newest_training(const std::filesystem::path& path) {
  return load_newest<LoadedTraining>(path, kept_names(path), training_kind,
                                     "Train again in another folder.", decode_training);
}

TrainingSnapshot load_training(const std::filesystem::path& path) {
  return decode_training(read_block_file(path, training_kind), path);
}

}  // namespace hierevo::io
