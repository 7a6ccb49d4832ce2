// genome_facts: what the programs make of genotypes, for genotype_test.py to compare with what
// Python does. For each line of the input, an object, it prints one line of JSON:
//   {"genotype": TEXT, "networks": [[MODEL, CHANNELS, CELLS, INPUT CHANNELS, CLASSES, IMAGE SIZE],
//   …]}
//       the nodes and the output of the assembled cell, and for each network its cost and
//       operations; or
//       {"refused": MESSAGE} where TEXT is not a genotype
//   {"seed": NUMBER, "bounds": [NUMBER, …]}
//       a number below each bound, drawn one after another from the stream of the seed
//   {"space": TEXT}
//       its name and number of genes, or {"refused": MESSAGE}
#include <array>
#include <exception>
#include <iostream>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "hierevo/core/error.hpp"
#include "hierevo/core/random.hpp"
#include "hierevo/genome/cell_graph.hpp"
#include "hierevo/genome/codec.hpp"
#include "hierevo/genome/plan.hpp"
#include "hierevo/genome/search_space.hpp"

namespace {

using namespace hierevo;
using nlohmann::json;

constexpr std::array<std::string_view, 7> cell_kinds = {
    "input", "conv1x1", "depthwise3x3", "separable3x3", "maxpool3x3", "avgpool3x3", "concat"};
constexpr std::array<std::string_view, 9> plan_kinds = {"input",     "conv",           "depthwise",
                                                        "separable", "maxpool",        "avgpool",
                                                        "concat",    "global_average", "linear"};

json network(const genome::CellGraph& cell, const json& given) {
  genome::ModelSpec spec;
  spec.kind = genome::model_kind_named(given.at(0).get<std::string>());
  given.at(1).get_to(spec.channels);
  given.at(2).get_to(spec.cells);
  given.at(3).get_to(spec.input_channels);
  given.at(4).get_to(spec.classes);
  try {
    const genome::Plan plan = make_plan(cell, spec);
    const genome::Cost cost = cost_of(plan, given.at(5).get<int>());
    json operations = json::array();
    for (const genome::PlanOp& op : plan.ops) {
      operations.push_back({plan_kinds.at(static_cast<std::size_t>(op.kind)), op.operands, op.name,
                            op.channels, op.kernel, op.stride});
    }
    return {{"cost", {cost.parameters, cost.macs, cost.activation_bytes}},
            {"operations", std::move(operations)}};
  } catch (const core::UsageError& error) {
    return {{"refused", error.what()}};
  }
}

json genotype(const json& given) {
  const auto text = given.at("genotype").get<std::string>();
  const genome::CellGraph cell = assemble(genome::genotype_from_json(text, "The JSON"));
  json nodes = json::array();
  for (const genome::CellNode& node : cell.nodes) {
    nodes.push_back({cell_kinds.at(static_cast<std::size_t>(node.kind)), node.operands, node.path});
  }
  json networks = json::array();
  for (const json& one : given.at("networks")) networks.push_back(network(cell, one));
  return {{"nodes", std::move(nodes)}, {"output", cell.output}, {"networks", std::move(networks)}};
}

json draws(const json& given) {
  core::RandomStream random(given.at("seed").get<std::uint64_t>());
  json drawn = json::array();
  for (const json& bound : given.at("bounds")) {
    drawn.push_back(random.below(bound.get<std::uint64_t>()));
  }
  return drawn;
}

json answer(const json& given) {
  try {
    if (given.contains("genotype")) return genotype(given);
    if (given.contains("seed")) return draws(given);
    const auto space = genome::SearchSpace::parse(given.at("space").get<std::string>());
    return {space.name(), space.genes()};
  } catch (const core::UsageError& error) {
    return {{"refused", error.what()}};
  }
}

}  // namespace

int main() try {
  std::string line;
  while (std::getline(std::cin, line)) std::cout << answer(json::parse(line)).dump() << '\n';
  return 0;
} catch (const std::exception& error) {
  std::cerr << error.what() << '\n';
  return 1;
}
