// Networks for other programs: what can be checked without these programs (nn_export has the rest).
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <functional>
#include <limits>
#include <nlohmann/json.hpp>
#include <numeric>
#include <set>

#include "hierevo/core/error.hpp"
#include "hierevo/exchange/onnx.hpp"
#include "hierevo/exchange/pytorch.hpp"
#include "hierevo/exchange/safetensors.hpp"
#include "hierevo/genome/codec.hpp"
#include "op_weights.hpp"
#include "support/refusal.hpp"

namespace hierevo::exchange {
namespace {

using testing::HasSubstr;
using testing::Not;
using testing::ThrowsMessage;

io::StoredTensor tensor(const std::string& name, const std::vector<std::size_t>& shape) {
  io::StoredTensor made{name, shape, {}};
  const std::size_t count =
      std::accumulate(shape.begin(), shape.end(), std::size_t{1}, std::multiplies<>());
  for (std::size_t i = 0; i < count; ++i) made.values.push_back(static_cast<float>(i) + 0.5F);
  return made;
}

/// The published cell in a small network, with weights of the right shapes.
Network published() {
  Network network{
      .genotype = genome::read_genotype(std::filesystem::path(HIEREVO_SOURCE_DIR) /
                                        "genotypes/published.json"),
      .model = {.kind = genome::ModelKind::cifar_small, .channels = 2, .cells = 1, .classes = 4},
      .origin = "a \"test\"\\\n\"\"\"",
      .pixel_mean = {1, 2, 3},
      .pixel_scale = {4, 5, 6},
      .class_names = {"a", "b\"\n", "c", "d"}};
  const auto plan = make_plan(genome::assemble(network.genotype), network.model);
  for (const genome::PlanOp& op : plan.ops) {
    std::size_t width = 0;
    for (const int operand : op.operands) {
      width += static_cast<std::size_t>(plan.ops[static_cast<std::size_t>(operand)].channels);
    }
    const auto channels = static_cast<std::size_t>(op.channels);
    const auto kernel = static_cast<std::size_t>(op.kernel);
    const auto add = [&](const char* role, const std::vector<std::size_t>& shape) {
      network.weights.push_back(tensor(op.name + role, shape));
    };
    if (op.kind == genome::PlanOpKind::conv) add(".weight", {channels, width, kernel, kernel});
    if (op.kind == genome::PlanOpKind::depthwise) add(".weight", {width, 1, 3, 3});
    if (op.kind == genome::PlanOpKind::separable) {
      add(".depthwise.weight", {width, 1, 3, 3});
      add(".pointwise.weight", {channels, width, 1, 1});
    }
    if (op.kind == genome::PlanOpKind::linear) {
      add(".weight", {channels, width});
      add(".bias", {channels});
      continue;
    }
    if (!network.weights.empty() && network.weights.back().name.starts_with(op.name + ".")) {
      for (const char* role : {".bn.weight", ".bn.bias", ".bn.running_mean", ".bn.running_var"}) {
        add(role, {channels});
      }
    }
  }
  return network;
}

TEST(PyTorch, AModuleHasAClassForEachMotifThatIsUsed) {
  const std::string text = pytorch_module(published(), "net.safetensors");
  for (const char* name : {"Motif1", "Motif3", "Motif4", "Motif5", "Cell", "Network"}) {
    EXPECT_THAT(text, HasSubstr("class " + std::string(name) + "(nn.Module):"));
  }
  EXPECT_THAT(text, Not(HasSubstr("class Motif2(")));
  EXPECT_THAT(text, Not(HasSubstr("class Motif6(")));
  EXPECT_THAT(text, HasSubstr("WEIGHTS = \"net.safetensors\""));
  EXPECT_THAT(text, HasSubstr("CLASS_NAMES = [\"a\", \"b\\\"\\n\", \"c\", \"d\"]"));
  // The origin ends no text.
  EXPECT_THAT(text, HasSubstr("a 'test'''n'''. Needs torch alone."));
}

TEST(PyTorch, EveryWeightHasANameOfItsOwn) {
  const Network network = published();
  std::set<std::string> names;
  std::size_t numbers = 0;
  for (const io::StoredTensor& one : pytorch_weights(network)) {
    EXPECT_TRUE(names.insert(one.name).second) << one.name;
    EXPECT_EQ(one.name.find('-'), std::string::npos) << one.name;
    numbers += one.values.size();
  }
  std::size_t given = 0;
  for (const io::StoredTensor& one : network.weights) given += one.values.size();
  EXPECT_EQ(names.size(), network.weights.size());
  EXPECT_EQ(numbers, given);
  EXPECT_TRUE(names.contains("cells.0.edge_1_3.edge_1_2.depthwise.weight"));
  EXPECT_TRUE(names.contains("stem.0.conv.weight"));
  EXPECT_TRUE(names.contains("cells.2.edge_4_5.out.bn.running_var"));
}

TEST(Weights, OfAnotherNetworkAreRefused) {
  const auto refuses = [](const std::function<void(Network&)>& change, const std::string& why) {
    Network network = published();
    change(network);
    EXPECT_THAT([&] { weights_of(network); }, ThrowsMessage<core::UsageError>(HasSubstr(why)));
  };
  refuses([](Network& network) { network.weights.pop_back(); }, "there is no 'classifier.bias'");
  refuses([](Network& network) { network.weights.front().name = "other"; },
          "there is no 'stem.0.weight'");
  refuses([](Network& network) { network.weights.push_back(tensor("more", {1})); },
          "there is a 'more' too many");
  refuses([](Network& network) { network.weights.front().shape.front() += 1; },
          "'stem.0.weight' has another shape");
  refuses([](Network& network) { network.model.classes = 5; }, "has another shape");
}

TEST(Pixels, AMeanOrScaleThatIsNotFiniteIsRefused) {
  for (const float number : {std::nanf(""), std::numeric_limits<float>::infinity()}) {
    Network network = published();
    network.pixel_scale[1] = number;
    EXPECT_ERROR(pytorch_module(network, "x"), "(the scale of its pixels is not finite)");
    if (can_write_onnx()) EXPECT_ERROR(onnx_model(network), "the scale of its pixels");
    network.pixel_mean[2] = number;
    EXPECT_ERROR(pytorch_module(network, "x"), "(the mean of its pixels is not finite)");
  }
}

TEST(Safetensors, HaveTheNumbersWhereTheHeaderSays) {
  const std::vector<io::StoredTensor> tensors = {tensor("a", {2, 3}), tensor("b.c", {4}),
                                                 tensor("none", {0})};
  const auto bytes = safetensors(tensors, {{"origin", "here"}});
  std::uint64_t length = 0;
  std::memcpy(&length, bytes.data(), sizeof(length));
  EXPECT_EQ((sizeof(length) + length) % 8, 0U);
  const auto header = nlohmann::json::parse(
      std::string(reinterpret_cast<const char*>(bytes.data()) + sizeof(length), length));
  EXPECT_EQ(header["__metadata__"]["origin"], "here");
  std::size_t end = 0;
  for (const io::StoredTensor& one : tensors) {
    const auto& entry = header[one.name];
    EXPECT_EQ(entry["dtype"], "F32");
    EXPECT_EQ(entry["shape"].get<std::vector<std::size_t>>(), one.shape);
    EXPECT_EQ(entry["data_offsets"][0], end);
    std::vector<float> values(one.values.size());
    if (!values.empty()) {
      std::memcpy(values.data(), bytes.data() + sizeof(length) + length + end,
                  values.size() * sizeof(float));
    }
    EXPECT_EQ(values, one.values);
    end += values.size() * sizeof(float);
    EXPECT_EQ(entry["data_offsets"][1], end);
  }
  EXPECT_EQ(bytes.size(), sizeof(length) + length + end);
}

TEST(Onnx, AModelIsMadeOfATrainedNetworkAlone) {
  if (!can_write_onnx()) GTEST_SKIP() << "built without ONNX";
  Network network = published();
  const std::string model = onnx_model(network);
  EXPECT_THAT(model, HasSubstr("BatchNormalization"));
  EXPECT_EQ(model, onnx_model(network));
  network.weights.clear();
  EXPECT_THAT([&] { onnx_model(network); },
              ThrowsMessage<core::UsageError>(HasSubstr("the network is not trained")));
}

}  // namespace
}  // namespace hierevo::exchange
