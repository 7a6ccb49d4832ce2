#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <iostream>
#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "chosen_genotype.hpp"
#include "commands.hpp"
#include "front.hpp"
#include "hierevo/core/error.hpp"
#include "hierevo/core/file.hpp"
#include "hierevo/core/standard_error.hpp"
#include "hierevo/exchange/onnx.hpp"
#include "hierevo/exchange/pytorch.hpp"
#include "hierevo/exchange/safetensors.hpp"
#include "hierevo/genome/codec.hpp"
#include "hierevo/genome/dot.hpp"
#include "hierevo/io/training_snapshot.hpp"
#include "hierevo/report/graphviz.hpp"
#include "model_options.hpp"
#include "option_set.hpp"

namespace hierevo::app {

namespace {

namespace fs = std::filesystem;
using nlohmann::json;

struct ExportOptions {
  GenotypeChoice choice;
  ModelOptions model;
  std::string weights;
  std::string format = "json";
  bool front = false;
  std::string out;
};

/// The names of the classes, from the record of the data that a training learnt from; none where
/// there is no such record.
std::vector<std::string> class_names_beside(const fs::path& training) {
  try {
    const fs::path record = fs::absolute(training).parent_path().parent_path() / "data.json";
    return json::parse(core::read_text_file(record))
        .at("class_names")
        .get<std::vector<std::string>>();
  } catch (const core::IoError&) {
  } catch (const json::exception&) {
  }
  return {};
}

exchange::Network trained_network(const std::string& file) {
  io::TrainingSnapshot training = io::load_training(file);
  if (training.losses.empty()) {
    throw core::UsageError(fmt::format("'{}' has no trained network", file),
                           "its training has made no step", "Let it train first.");
  }
  std::string origin = fmt::format("Trained for {} steps", training.losses.size());
  // The best score may be that of other weights, in best.h5.
  if (training.best_step == std::ssize(training.losses)) {
    origin += fmt::format(", accuracy {:.4f}", training.top1);
  }
  std::vector<std::string> names = class_names_beside(file);
  if (std::ssize(names) != training.model.classes) names.clear();
  // The averages are what is tested, where there are any.
  auto& weights = training.average.empty() ? training.weights : training.average;
  return {.genotype = std::move(training.genotype),
          .model = training.model,
          .origin = std::move(origin),
          .pixel_mean = std::move(training.pixel_mean),
          .pixel_scale = std::move(training.pixel_scale),
          .class_names = std::move(names),
          .weights = std::move(weights)};
}

void require_success(const evolution::Individual& individual) {
  const evolution::Evaluation& evaluation = individual.evaluation;
  if (!evolution::is_failure(evaluation.status)) return;
  throw core::UsageError(
      fmt::format("Individual {} cannot be exported", number(individual.candidate.id)),
      fmt::format("its evaluation failed: {}", evaluation.reason.empty()
                                                   ? evolution::name(evaluation.status)
                                                   : evaluation.reason),
      "Choose another --id.");
}

exchange::Network untrained_network(const ExportOptions& options) {
  const evolution::Individual individual = options.choice.read();
  require_success(individual);
  const auto id = number(individual.candidate.id);
  std::string origin = "An untrained network";
  if (id != 0) {
    origin = fmt::format("Individual {} of a search, with a fitness of {:.4f}, untrained", id,
                         individual.evaluation.fitness);
  }
  return {.genotype = individual.candidate.genotype,
          .model = options.model.spec(),
          .origin = std::move(origin)};
}

exchange::Network network_of(const ExportOptions& options) {
  const bool chosen = !options.choice.genotype.empty() || !options.choice.run.empty();
  if (options.weights.empty()) return untrained_network(options);
  if (chosen) {
    throw core::UsageError("--weights and another cell are given",
                           "a file of weights has the cell that they belong to",
                           "Give --weights alone, or --run or --genotype.");
  }
  return trained_network(options.weights);
}

void require_new(const fs::path& file) {
  const fs::path folder = file.parent_path();
  if (!folder.empty() && !fs::is_directory(folder)) {
    throw core::UsageError(fmt::format("There is no folder '{}'", folder.string()),
                           fmt::format("--out is '{}'", file.string()), "Make it first.");
  }
  if (!core::name_is_taken(file)) return;
  throw core::UsageError(fmt::format("'{}' is there already", file.string()), "it would be lost",
                         "Choose another --out, or remove it.");
}

void write(const fs::path& file, std::span<const std::byte> content) {
  core::replace_file(file, content, core::Writers::several);
}

void require_out(const ExportOptions& options, std::string_view why) {
  if (!options.out.empty()) return;
  throw core::UsageError("No --out is given", why, "Give --out FILE.");
}

/// Prints the text, or writes it to --out.
void give(const ExportOptions& options, const std::string& text) {
  if (options.out.empty()) {
    std::cout << text;
    return;
  }
  require_new(options.out);
  write(options.out, std::as_bytes(std::span(text)));
  core::write_line("Wrote '{}'.", options.out);
}

/// Whether Python has other plans with the name: its own words, and what the module imports.
bool is_reserved(std::string_view name) {
  constexpr std::array reserved = {
      "False",   "None",        "True",     "and",    "as",    "assert", "async", "await",
      "break",   "class",       "continue", "def",    "del",   "elif",   "else",  "except",
      "finally", "for",         "from",     "global", "if",    "import", "in",    "is",
      "json",    "lambda",      "nonlocal", "not",    "or",    "os",     "pass",  "raise",
      "return",  "safetensors", "torch",    "try",    "while", "with",   "yield"};
  return std::ranges::find(reserved, name) != reserved.end();
}

/// The name with underscores in place of what cannot be part of an identifier, and behind a name
/// that is taken.
std::string importable_name(std::string name) {
  constexpr auto is_letter = [](char c) {
    return c == '_' || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
  };
  for (char& c : name) {
    if (!is_letter(c) && !(c >= '0' && c <= '9')) c = '_';
  }
  if (name.empty() || !is_letter(name.front())) return "_" + name;
  return is_reserved(name) ? name + "_" : name;
}

void require_importable(const fs::path& module) {
  const std::string name = module.stem().string();
  const std::string importable = importable_name(name);
  if (importable == name) return;
  throw core::UsageError(
      fmt::format("--out is '{}'", module.string()),
      is_reserved(name) ? "a module of this name would hide another, or is a word of Python's"
                        : "Python cannot import a module of this name",
      fmt::format("Give --out {}.", (module.parent_path() / (importable + ".py")).string()));
}

void export_pytorch(const ExportOptions& options, const exchange::Network& network) {
  const fs::path module = options.out;
  if (module.extension() == ".py") require_importable(module);
  if (!network.trained()) return give(options, exchange::pytorch_module(network, ""));
  require_out(options, "the weights are written to a file beside it");
  if (module.extension() != ".py") {
    throw core::UsageError(fmt::format("--out is '{}'", options.out), "a Python module ends in .py",
                           "Give --out NAME.py.");
  }
  const fs::path weights = fs::path(module).replace_extension(".safetensors");
  require_new(module);
  require_new(weights);
  const std::string text = exchange::pytorch_module(network, weights.filename().string());
  write(weights, exchange::safetensors(exchange::pytorch_weights(network),
                                       {{"genotype", genome::json_text(network.genotype)},
                                        {"origin", network.origin}}));
  write(module, std::as_bytes(std::span(text)));
  core::write_line("Wrote '{}' and '{}'. In Python: from {} import load, preprocess.",
                   module.string(), weights.string(), module.stem().string());
}

void export_onnx(const ExportOptions& options, const exchange::Network& network) {
  require_out(options, "an ONNX model is no text");
  require_new(options.out);
  const std::string model = exchange::onnx_model(network);
  write(options.out, std::as_bytes(std::span(model)));
  core::write_line(
      "Wrote '{}': pixels [batch, {}, height, width] of 0 to 255 to logits [batch, {}].",
      options.out, network.model.input_channels, network.model.classes);
}

/// All genotypes of a front, a line of JSON each.
void export_front(const ExportOptions& options) {
  const GenotypeChoice& choice = options.choice;
  const bool alone = choice.genotype.empty() && choice.id == 0 && options.weights.empty();
  if (choice.run.empty() || !alone || options.format != "json") {
    throw core::UsageError("--front belongs to --run and --format json alone",
                           "it writes many genotypes, a line each",
                           "Give --run DIR --front, or --run DIR --id N for one of them.");
  }
  std::string text;
  for (const json& genotype : genotypes_of_front(choice.run)) text += genotype.dump() + '\n';
  give(options, text);
}

std::string drawn(const genome::Genotype& genotype, bool as_svg) {
  const genome::CellGraph cell = genome::assemble(genotype);
  if (!cell.valid()) {
    throw core::UsageError("The cell is invalid", "its sink is not reached from its source",
                           "Choose another genotype.");
  }
  const std::string dot = genome::to_dot(cell);
  if (!as_svg) return dot;
  if (!report::can_draw_graphs()) {
    throw core::UsageError("This hierevo draws no graphs", "it was built without Graphviz",
                           "Use --format dot, or install libgraphviz-dev and build it again.");
  }
  return report::svg_of(dot, "The assembled cell");
}

}  // namespace

int command_export(const Arguments& arguments) {
  ExportOptions command;
  OptionSet options(
      "usage: hierevo export --format FORMAT (--run DIR [--id N | --front] | --genotype FILE.json "
      "|\n"
      "                       --weights TRAINING.h5) [--out FILE]",
      "Writes a cell or a trained network for other programs:\n"
      "  json     the genotype, for --genotype of hierevo train and hierevo evaluate\n"
      "  dot      the assembled cell for Graphviz\n"
      "  svg      the assembled cell, drawn\n"
      "  pytorch  a Python module that needs torch alone; with --weights also the weights, as\n"
      "           safetensors\n"
      "  onnx     a trained network, of --weights, for ONNX runtimes");
  options.group("Export");
  options.add("format", &command.format, "what is written",
              {.choices = {"json", "dot", "svg", "pytorch", "onnx"}, .recorded = false});
  options.add("weights", &command.weights,
              "a trained network: OUT/repeat-K/best.h5 or last.h5 of hierevo train",
              {.recorded = false});
  options.add("out", &command.out, "the file; empty: standard output, for texts",
              {.recorded = false});
  options.add("front", &command.front,
              "with --run and json: all individuals that no other one dominates in the run's "
              "objectives, a line each, with these",
              {.recorded = false});
  command.choice.add_to(options);
  command.model.add_to(options);
  GenotypeChoice::inherit(options, {"model", "channels", "cells"});
  options.epilogue(
      "Examples:\n"
      "  hierevo export --format json --run my-run --out cell.json\n"
      "  hierevo export --format pytorch --weights my-run/train-7/repeat-1/best.h5 --out net.py\n"
      "  hierevo export --format onnx --weights my-run/train-7/repeat-1/best.h5 --out net.onnx\n");
  if (!options.parse(arguments)) return 0;
  if (command.front) {
    export_front(command);
    return 0;
  }

  const exchange::Network network = network_of(command);
  if (command.format == "json") {
    give(command, genome::json_text(network.genotype) + '\n');
  } else if (command.format == "pytorch") {
    export_pytorch(command, network);
  } else if (command.format == "onnx") {
    export_onnx(command, network);
  } else {
    give(command, drawn(network.genotype, command.format == "svg"));
  }
  return 0;
}

}  // namespace hierevo::app
