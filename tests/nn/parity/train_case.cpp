// train_case CASE.json TENSORS RESULT float32|float64|native: trains the network of a case with the
// Torch executor, or in float32 with the native one, on given weights and batches, for case.py,
// which does the same in Python. With a fifth argument TRAINING.h5, it does not train, but saves
// the network as given there, as a training does; RESULT receives "logits/initial" alone.
//
// TENSORS holds "images" [steps, N, C, H, W], "labels" [steps, N] and every weight and running
// statistic by the executor's name. RESULT receives what case.py lists.
#include <exception>
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>
#include <set>
#include <string_view>

#include "hierevo/core/error.hpp"
#include "hierevo/core/file.hpp"
#include "hierevo/genome/codec.hpp"
#include "hierevo/io/training_snapshot.hpp"
#include "hierevo/nn/executor/native_executor.hpp"
#include "hierevo/nn/executor/torch_executor.hpp"
#include "nn/parity/tensor_file.hpp"
#include "training/sgd.hpp"

namespace {

using namespace hierevo;
using nlohmann::json;
using nn::parity::Tensors;

genome::ModelSpec spec_of(const json& given) {
  genome::ModelSpec spec;
  spec.kind = genome::model_kind_named(given.at("model").get<std::string>());
  given.at("channels").get_to(spec.channels);
  given.at("cells").get_to(spec.cells);
  given.at("input_channels").get_to(spec.input_channels);
  given.at("classes").get_to(spec.classes);
  return spec;
}

genome::Plan plan_of(const json& given) {
  const auto genotype = genome::genotype_from_json(given.at("genotype").dump(), "the case");
  return make_plan(genome::assemble(genotype), spec_of(given));
}

/// Replaces the executor's values by the given ones; the names must be exactly the same.
void set_all(nn::Executor& executor, const Tensors& given) {
  std::set<std::string> left;
  for (const auto& [name, tensor] : given) left.insert(name);
  left.erase("images");
  left.erase("labels");
  for (const auto& tensors : {executor.parameters(), executor.buffers()}) {
    for (const auto& [name, tensor] : tensors) {
      if (left.erase(name) == 0) throw core::UsageError("There is no value for " + name);
      if (tensor.sizes() != given.at(name).sizes()) {
        throw core::UsageError("The shape of " + name + " differs");
      }
      tensor.detach().copy_(given.at(name));
    }
  }
  if (!left.empty()) throw core::UsageError("The executor has no " + *left.begin());
}

void record(Tensors& result, const std::string& prefix, const std::vector<nn::NamedTensor>& all) {
  for (const auto& [name, tensor] : all) result[prefix + name] = tensor.detach().clone();
}

std::unique_ptr<nn::Executor> executor_for(const genome::Plan& plan, std::string_view which) {
  if (which == "native") return nn::make_native_executor(plan, 1);
  return nn::make_torch_executor(plan, at::kCPU, 1, which == "float64" ? at::kDouble : at::kFloat);
}

constexpr float pixel_mean = 120.0F;
constexpr float pixel_scale = 0.0625F;

/// As if it had been trained for a step.
void save(const std::string& path, const json& given, nn::Executor& executor) {
  io::TrainingSnapshot training{
      .genotype = genome::genotype_from_json(given.at("genotype").dump(), "the case"),
      .model = spec_of(given),
      .pixel_mean = {},
      .pixel_scale = {},
      .options = "",
      .losses = {1.0},
      .weights = {},
      .momentum = {},
      .average = {}};
  const auto channels = static_cast<std::size_t>(training.model.input_channels);
  training.pixel_mean.assign(channels, pixel_mean);
  training.pixel_scale.assign(channels, pixel_scale);
  for (const auto& tensors : {executor.parameters(), executor.buffers()}) {
    for (const auto& [name, tensor] : tensors) {
      const at::Tensor values = tensor.detach().to(at::kFloat).contiguous();
      io::StoredTensor& stored = training.weights.emplace_back();
      stored.name = name;
      for (const std::int64_t size : values.sizes())
        stored.shape.push_back(static_cast<std::size_t>(size));
      const auto* data = values.data_ptr<float>();
      stored.values.assign(data, data + values.numel());
    }
  }
  io::save_training(training, path);
}

Tensors predict_and_save(const json& given, const Tensors& values, const std::string& path) {
  const auto executor = executor_for(plan_of(given), "float32");
  set_all(*executor, values);
  save(path, given, *executor);
  Tensors result;
  result["logits/initial"] = executor->predict(values.at("images")[0]);
  return result;
}

Tensors train(const json& given, const Tensors& values, std::string_view which) {
  const auto executor = executor_for(plan_of(given), which);
  set_all(*executor, values);
  const at::Tensor& images = values.at("images");
  const at::Tensor labels = values.at("labels").to(at::kLong);
  nn::Sgd sgd(executor->parameters(), {.momentum = given.at("momentum").get<double>(),
                                       .weight_decay = given.at("weight_decay").get<double>()});
  Tensors result;
  std::vector<at::Tensor> losses;
  result["logits/initial"] = executor->predict(images[0]);
  for (std::int64_t step = 0; step < images.size(0); ++step) {
    losses.push_back(executor->train_step(images[step], labels[step]));
    if (step == 0) {
      for (const auto& [name, tensor] : executor->parameters()) {
        result["gradient/" + name] = tensor.grad().clone();
      }
      record(result, "first/", executor->buffers());
    }
    sgd.step(given.at("learning_rate"));
    if (step == 0) result["logits/first"] = executor->predict(images[0]);
  }
  result["losses"] = at::stack(losses);
  result["logits/trained"] = executor->predict(images[0]);
  record(result, "trained/", executor->parameters());
  record(result, "trained/", executor->buffers());
  return result;
}

}  // namespace

int main(int argc, char** argv) try {
  if (argc != 5 && argc != 6) throw core::UsageError("Four or five arguments are needed");
  const json given = json::parse(core::read_text_file(argv[1]));
  const Tensors tensors = nn::parity::read_tensors(argv[2]);
  nn::parity::write_tensors(argv[3], argc == 6 ? predict_and_save(given, tensors, argv[5])
                                               : train(given, tensors, argv[4]));
  return 0;
} catch (const std::exception& error) {
  std::cerr << error.what() << '\n';
  return 1;
}
