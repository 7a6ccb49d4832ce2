#include <fmt/format.h>

#include <iostream>
#include <nlohmann/json.hpp>

#include "chosen_genotype.hpp"
#include "commands.hpp"
#include "front.hpp"
#include "hierevo/core/error.hpp"
#include "hierevo/evolution/objectives.hpp"
#include "hierevo/genome/codec.hpp"
#include "hierevo/genome/dot.hpp"
#include "model_options.hpp"
#include "option_set.hpp"
#include "saved_run.hpp"
#include "standard_output.hpp"

namespace hierevo::app {

namespace {

using nlohmann::json;

json facts_of(const evolution::Individual& individual, const genome::CellGraph& cell,
              const genome::ModelSpec& spec) {
  json facts = {{"valid", cell.valid()},
                {"phenotype", genome::phenotype_text(phenotype_hash(cell))},
                {"space", individual.candidate.genotype.space().name()},
                {"operations", cell.nodes.empty() ? 0 : cell.nodes.size() - 1},
                {"model", genome::name(spec.kind)},
                {"channels", spec.channels},
                {"cells", spec.cells},
                {"parameters", 0},
                {"macs", 0},
                {"activation_bytes", 0},
                {"genotype", to_json(individual.candidate.genotype)}};
  if (cell.valid()) {
    const genome::Cost cost = cost_of(make_plan(cell, spec), spec.image_size());
    facts["parameters"] = cost.parameters;
    facts["macs"] = cost.macs;
    facts["activation_bytes"] = cost.activation_bytes;
  }
  if (const auto id = number(individual.candidate.id); id != 0) {
    facts["id"] = id;
    facts["status"] = name(individual.evaluation.status);
    facts["fitness"] = individual.evaluation.fitness;
    facts["reason"] = individual.evaluation.reason;
    facts["metrics"] = individual.evaluation.metrics;
    facts["parent"] =
        individual.candidate.parent ? json(number(*individual.candidate.parent)) : json();
  }
  return facts;
}

/// "1→2 separable 3×3" for each edge of a motif.
std::string edges_text(const json& edges, int nodes) {
  std::string text;
  std::size_t edge = 0;
  for (int i = 2; i <= nodes; ++i) {
    for (int j = 1; j < i; ++j, ++edge) {
      const json& gene = edges[edge];
      const std::string op = gene.is_string() ? gene.get<std::string>() : gene.dump();
      if (op != "none") text += fmt::format("{}→{} {}  ", j, i, op);
    }
  }
  return text;
}

void print_for_people(const json& facts, const genome::Genotype& genotype) {
  if (facts.contains("id")) {
    const auto reason = facts["reason"].get<std::string>();
    print_line("individual  {}, fitness {:.4f} ({}{}{})", facts["id"].get<std::uint64_t>(),
               facts["fitness"].get<double>(), facts["status"].get<std::string>(),
               reason.empty() ? "" : ": ", reason);
    for (const auto& [name, value] : facts["metrics"].items()) {
      print_line("metric      {} = {}", name, value.get<double>());
    }
  }
  print_line("space       {}", facts["space"].get<std::string>());
  print_line("phenotype   {}{}", facts["phenotype"].get<std::string>(),
             facts["valid"].get<bool>() ? "" : " (invalid: the sink is not reached)");
  print_line("model       {}, c0={}, N={}", facts["model"].get<std::string>(),
             facts["channels"].get<int>(), facts["cells"].get<int>());
  print_line("parameters  {}", facts["parameters"].get<std::int64_t>());
  print_line("MACs        {} an image", facts["macs"].get<std::int64_t>());
  print_line("operations  {} in the cell", facts["operations"].get<std::size_t>());
  const json levels = to_json(genotype)["levels"];
  for (const json& level : levels) {
    int motif = 0;
    for (const json& edges : level["motifs"]) {
      print_line("level {} motif {}  {}", level["level"].get<int>(), ++motif,
                 edges_text(edges, level["nodes"].get<int>()));
    }
  }
}

int show_front(const GenotypeChoice& choice, bool as_json, bool as_dot) {
  if (choice.run.empty() || !choice.genotype.empty() || choice.id != 0 || as_dot) {
    throw core::UsageError("--front belongs to --run alone",
                           "it shows all individuals of a run that no other one dominates",
                           "Give --run DIR --front, without --genotype, --id and --dot.");
  }
  const io::Snapshot snapshot = read_run(choice.run);
  const auto& objectives = snapshot.options.objectives;
  const auto front = pareto_front(snapshot.state.history, objectives);
  if (as_json) {
    json facts = {{"objectives", text_of(objectives)}, {"front", json::array()}};
    for (const evolution::Individual* one : front) {
      json member = front_member(*one, objectives);
      member["metrics"] = one->evaluation.metrics;
      member["genotype"] = to_json(one->candidate.genotype);
      facts["front"].push_back(std::move(member));
    }
    std::cout << facts.dump(2) << '\n';
    return 0;
  }
  for (const std::string& line : front_table(front, objectives)) print_line("{}", line);
  return 0;
}

}  // namespace

int command_inspect(const Arguments& arguments) {
  GenotypeChoice choice;
  ModelOptions model;
  bool as_json = false;
  bool as_dot = false;
  bool front = false;
  OptionSet options(
      "usage: hierevo inspect --genotype FILE.json | --run DIR [--id N | --front] [options]",
      "Shows what a genotype is and what its network costs: with --run the one that\n"
      "the search trained, otherwise for images of 3 channels and 10 classes.");
  choice.add_to(options);
  model.add_to(options);
  GenotypeChoice::inherit(options, {"model", "channels", "cells"});
  options.group("Output");
  options.add("json", &as_json, "as JSON", {.recorded = false});
  options.add("front", &front,
              "with --run: all individuals that no other one dominates in the run's objectives",
              {.recorded = false});
  options.add("dot", &as_dot, "the assembled cell for Graphviz", {.recorded = false});
  options.epilogue(
      "Examples:\n  hierevo inspect --run my-run --model cifar-large\n"
      "  hierevo inspect --run my-run --dot | dot -Tpng -o cell.png\n");
  if (!options.parse(arguments)) return 0;
  if (front) return show_front(choice, as_json, as_dot);

  const genome::ModelSpec spec = model.spec();
  const evolution::Individual individual = choice.read();
  const genome::CellGraph cell = genome::assemble(individual.candidate.genotype);
  if (as_dot) {
    std::cout << genome::to_dot(cell);
    return 0;
  }
  json facts = facts_of(individual, cell, spec);
  // The network that gave the fitness is known exactly, with the channels and classes of its data.
  const bool other_network =
      options.given("model") || options.given("channels") || options.given("cells");
  if (!other_network && individual.evaluation.parameters > 0) {
    facts["parameters"] = individual.evaluation.parameters;
    facts["macs"] = individual.evaluation.macs;
  }
  if (as_json) {
    std::cout << facts.dump(2) << '\n';
  } else {
    print_for_people(facts, individual.candidate.genotype);
  }
  return 0;
}

}  // namespace hierevo::app
