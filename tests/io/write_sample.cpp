// write_sample FOLDER: makes FOLDER/RUN/search.h5, FOLDER/DATA.h5, FOLDER/SHARDS and
// FOLDER/expected.json with the same content.
// write_sample --golden FILE: makes data/snapshot_v1.h5; it was used once, for version 1.
// write_sample --golden-2 FILE: makes data/snapshot_v2.h5; likewise.
#include <fmt/format.h>

#include <exception>
#include <filesystem>
#include <iostream>
#include <nlohmann/json.hpp>
#include <string_view>

#include "data_packs.hpp"
#include "hierevo/core/error.hpp"
#include "hierevo/core/file.hpp"
#include "hierevo/genome/codec.hpp"
#include "image_shard_files.hpp"
#include "samples.hpp"

namespace {

using namespace hierevo;

nlohmann::json expected_content(const io::Snapshot& snapshot) {
  nlohmann::json individuals = nlohmann::json::array();
  for (const auto& [candidate, evaluation] : snapshot.state.history) {
    individuals.push_back({{"id", number(candidate.id)},
                           {"parent", candidate.parent ? number(*candidate.parent) : 0},
                           {"seed", candidate.seed},
                           {"genes", std::vector<int>(candidate.genotype.genes().begin(),
                                                      candidate.genotype.genes().end())},
                           {"genotype", genome::to_json(candidate.genotype)},
                           {"status", evolution::name(evaluation.status)},
                           {"fitness", evaluation.fitness},
                           {"phenotype", evaluation.phenotype},
                           {"runs", evaluation.repeat_fitness.size()},
                           {"metrics", evaluation.metrics},
                           {"reason", evaluation.reason}});
  }
  return {{"individuals", std::move(individuals)},
          {"in_flight", snapshot.state.in_flight.size()},
          {"space", snapshot.options.space.name()},
          {"seed", snapshot.options.seed},
          {"objectives", evolution::text_of(snapshot.options.objectives)},
          {"state", snapshot.progress.state}};
}

/// [N, C, H, W] as JSON nests it.
nlohmann::json nested(std::span<const std::uint8_t> values, std::span<const std::size_t> shape) {
  if (shape.empty()) return values.front();
  nlohmann::json rows = nlohmann::json::array();
  const std::size_t row = values.size() / shape.front();
  for (std::size_t i = 0; i < shape.front(); ++i) {
    rows.push_back(nested(values.subspan(i * row, row), shape.subspan(1)));
  }
  return rows;
}

nlohmann::json expected_pack(const data::Dataset& pack) {
  const auto [channels, size] = pack.train.shape;
  const auto extent = [](std::int64_t value) { return static_cast<std::size_t>(value); };
  const std::vector<std::size_t> shape = {pack.train.labels.size(), extent(channels),
                                          extent(size.height), extent(size.width)};
  return {{"images", nested(pack.train.pixels, shape)},
          {"labels", pack.train.labels},
          {"classes", pack.class_names},
          {"source", pack.name}};
}

/// The first of io::test::write_sample_shards().
nlohmann::json expected_shard() {
  nlohmann::json shard = {{"classes", io::test::sample_plan().class_names}};
  for (const auto& [image, file] : io::test::sample_images(20, 1)) {
    std::string hex;
    for (const std::byte byte : file) hex += fmt::format("{:02x}", std::to_integer<int>(byte));
    shard["files"].push_back(hex);
    shard["names"].push_back(image.name);
    shard["labels"].push_back(image.label);
  }
  return shard;
}

}  // namespace

int main(int argc, char** argv) try {
  if (argc == 3 && std::string_view(argv[1]) == "--golden") {
    core::replace_file(argv[2], io::encode_snapshot(io::test::golden_snapshot()));
    return 0;
  }
  if (argc == 3 && std::string_view(argv[1]) == "--golden-2") {
    core::replace_file(argv[2], io::encode_snapshot(io::test::golden_snapshot_2()));
    return 0;
  }
  if (argc != 2) throw core::UsageError("One argument is needed, a folder");
  const std::filesystem::path folder = argv[1];
  io::Snapshot snapshot = io::test::random_snapshot(5, "3x4,2x3,1x5", 40, 3);
  snapshot.options.objectives = evolution::objectives_of("fitness,-latency");
  std::filesystem::create_directories(folder / "RUN");
  io::save_snapshot(snapshot, folder / "RUN" / "search.h5");
  const data::Dataset pack = io::test::random_pack(20, 5);
  io::test::write_pack(pack, folder / "DATA.h5");
  std::filesystem::create_directories(folder / "SHARDS");
  io::test::write_sample_shards(folder / "SHARDS");
  nlohmann::json expected = expected_content(snapshot);
  expected["pack"] = expected_pack(pack);
  expected["shards"] = expected_shard();
  core::replace_file(folder / "expected.json", expected.dump());
  return 0;
} catch (const std::exception& error) {
  std::cerr << error.what() << '\n';
  return 1;
}
