#include "hierevo/exchange/onnx.hpp"

#include <fmt/format.h>
#include <onnx/onnx_pb.h>

#include <bit>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <string_view>

#include "hierevo/core/error.hpp"
#include "hierevo/core/version.hpp"
#include "hierevo/genome/codec.hpp"
#include "op_weights.hpp"

namespace hierevo::exchange {

namespace {

using genome::PlanOp;
using genome::PlanOpKind;
using Integers = std::vector<std::int64_t>;

constexpr std::int64_t opset = 13;
constexpr std::int64_t ir_version = 7;  // the one that came with it

class GraphBuilder {
 public:
  explicit GraphBuilder(onnx::GraphProto& graph) : graph_(graph) {}

  void add_tensor(const std::string& name, const std::vector<std::size_t>& shape,
                  const std::vector<float>& values) {
    static_assert(std::endian::native == std::endian::little, "floats are copied as they are");
    onnx::TensorProto& tensor = *graph_.add_initializer();
    tensor.set_name(name);
    tensor.set_data_type(onnx::TensorProto_DataType_FLOAT);
    for (const std::size_t size : shape) tensor.add_dims(static_cast<std::int64_t>(size));
    tensor.set_raw_data(values.data(), values.size() * sizeof(float));
  }

  onnx::NodeProto& add_node(const char* type, const std::vector<std::string>& inputs,
                            const std::string& output) {
    onnx::NodeProto& node = *graph_.add_node();
    node.set_op_type(type);
    node.set_name(output);
    for (const std::string& input : inputs) node.add_input(input);
    node.add_output(output);
    return node;
  }

 private:
  onnx::GraphProto& graph_;
};

void set(onnx::NodeProto& node, const char* name, const Integers& values) {
  onnx::AttributeProto& attribute = *node.add_attribute();
  attribute.set_name(name);
  attribute.set_type(onnx::AttributeProto_AttributeType_INTS);
  for (const std::int64_t value : values) attribute.add_ints(value);
}

void set(onnx::NodeProto& node, const char* name, std::int64_t value) {
  onnx::AttributeProto& attribute = *node.add_attribute();
  attribute.set_name(name);
  attribute.set_type(onnx::AttributeProto_AttributeType_INT);
  attribute.set_i(value);
}

/// A kernel with the padding of the project's networks: half of it on each side.
void set_window(onnx::NodeProto& node, std::int64_t kernel, std::int64_t stride) {
  set(node, "kernel_shape", Integers{kernel, kernel});
  set(node, "strides", Integers{stride, stride});
  set(node, "pads", Integers(4, kernel / 2));
}

/// Adds the nodes of one operation after the other.
class NetworkBuilder {
 public:
  NetworkBuilder(onnx::GraphProto& graph, const std::vector<OpWeights>& ops)
      : builder_(graph), ops_(ops) {}

  /// `input`: the name of the value that the network begins with. Returns that of the logits.
  std::string add_all(const std::string& input) {
    for (const OpWeights& weights : ops_) {
      for (const auto& [role, tensor] : weights.tensors) {
        builder_.add_tensor(tensor->name, tensor->shape, tensor->values);
      }
      values_.push_back(weights.op.kind == PlanOpKind::input ? input : add(weights));
    }
    return values_.back();
  }

 private:
  std::string add(const OpWeights& weights) {
    const PlanOp& op = weights.op;
    const std::string& input = values_[static_cast<std::size_t>(op.operands.front())];
    switch (op.kind) {
      case PlanOpKind::conv:
        return bn_relu(op, convolved(op, "weight", input, op.kernel, op.stride, 1));
      case PlanOpKind::depthwise:
        return bn_relu(op, convolved(op, "weight", input, op.kernel, op.stride,
                                     weights.tensors.at("weight")->shape.front()));
      case PlanOpKind::separable: {
        const std::string filtered =
            convolved(op, "depthwise.weight", input, op.kernel, op.stride,
                      weights.tensors.at("depthwise.weight")->shape.front());
        return bn_relu(op, convolved(op, "pointwise.weight", filtered, 1, 1, 1));
      }
      case PlanOpKind::maxpool:
        set_window(builder_.add_node("MaxPool", {input}, op.name), op.kernel, op.stride);
        return op.name;
      case PlanOpKind::avgpool: {
        onnx::NodeProto& node = builder_.add_node("AveragePool", {input}, op.name);
        set_window(node, op.kernel, op.stride);
        set(node, "count_include_pad", 0);
        return op.name;
      }
      case PlanOpKind::concat: {
        std::vector<std::string> parts;
        for (const int operand : op.operands) {
          parts.push_back(values_[static_cast<std::size_t>(operand)]);
        }
        set(builder_.add_node("Concat", parts, op.name), "axis", 1);
        return op.name;
      }
      case PlanOpKind::global_average: {
        builder_.add_node("GlobalAveragePool", {input}, op.name + ".average");
        set(builder_.add_node("Flatten", {op.name + ".average"}, op.name), "axis", 1);
        return op.name;
      }
      case PlanOpKind::linear: {
        onnx::NodeProto& node =
            builder_.add_node("Gemm", {input, op.name + ".weight", op.name + ".bias"}, "logits");
        set(node, "transB", 1);
        return "logits";
      }
      case PlanOpKind::input:
        break;
    }
    throw core::InternalError("The plan has an input that is not its first operation");
  }

  std::string convolved(const PlanOp& op, const std::string& role, const std::string& input,
                        std::int64_t kernel, std::int64_t stride, std::size_t groups) {
    std::string output = fmt::format("{}.{}.output", op.name, role);
    onnx::NodeProto& node = builder_.add_node("Conv", {input, op.name + "." + role}, output);
    set_window(node, kernel, stride);
    set(node, "group", static_cast<std::int64_t>(groups));
    return output;
  }

  std::string bn_relu(const PlanOp& op, const std::string& input) {
    std::vector<std::string> inputs = {input};
    for (const char* role : {"weight", "bias", "running_mean", "running_var"}) {
      inputs.push_back(fmt::format("{}.bn.{}", op.name, role));
    }
    builder_.add_node("BatchNormalization", inputs, op.name + ".bn");
    builder_.add_node("Relu", {op.name + ".bn"}, op.name);
    return op.name;
  }

  GraphBuilder builder_;
  const std::vector<OpWeights>& ops_;
  std::vector<std::string> values_;  ///< names of the operations' outputs
};

void describe_value(onnx::ValueInfoProto& value, const std::string& name) {
  value.set_name(name);
  value.mutable_type()->mutable_tensor_type()->set_elem_type(onnx::TensorProto_DataType_FLOAT);
}

void add_dimension(onnx::ValueInfoProto& value, const char* free_name) {
  value.mutable_type()->mutable_tensor_type()->mutable_shape()->add_dim()->set_dim_param(free_name);
}

void add_dimension(onnx::ValueInfoProto& value, std::int64_t size) {
  value.mutable_type()->mutable_tensor_type()->mutable_shape()->add_dim()->set_dim_value(size);
}

void add_metadata(onnx::ModelProto& model, const char* key, const std::string& value) {
  onnx::StringStringEntryProto& entry = *model.add_metadata_props();
  entry.set_key(key);
  entry.set_value(value);
}

}  // namespace

bool can_write_onnx() {
  return true;
}

std::string onnx_model(const Network& network) {
  if (!network.trained()) {
    throw core::UsageError("There are no weights to export to ONNX", "the network is not trained",
                           "Give the weights of a training.");
  }
  require_finite_pixels(network);
  const std::vector<OpWeights> ops = weights_of(network);
  onnx::ModelProto model;
  model.set_ir_version(ir_version);
  model.set_producer_name("hierevo");
  model.set_producer_version(core::version());
  model.add_opset_import()->set_version(opset);
  add_metadata(model, "genotype", genome::json_text(network.genotype));
  add_metadata(model, "origin", network.origin);
  add_metadata(model, "class_names",
               nlohmann::json(network.class_names)
                   .dump(-1, ' ', false, nlohmann::json::error_handler_t::replace));
  onnx::GraphProto& graph = *model.mutable_graph();
  graph.set_name("hierevo");
  onnx::ValueInfoProto& pixels = *graph.add_input();
  describe_value(pixels, "pixels");
  add_dimension(pixels, "batch");
  add_dimension(pixels, network.model.input_channels);
  add_dimension(pixels, "height");
  add_dimension(pixels, "width");
  onnx::ValueInfoProto& logits = *graph.add_output();
  describe_value(logits, "logits");
  add_dimension(logits, "batch");
  add_dimension(logits, network.model.classes);

  GraphBuilder builder(graph);
  const std::vector<std::size_t> for_channels = {1, network.pixel_mean.size(), 1, 1};
  builder.add_tensor("pixel_mean", for_channels, network.pixel_mean);
  builder.add_tensor("pixel_scale", for_channels, network.pixel_scale);
  builder.add_node("Sub", {"pixels", "pixel_mean"}, "centred");
  builder.add_node("Mul", {"centred", "pixel_scale"}, "normalised");
  NetworkBuilder(graph, ops).add_all("normalised");
  return model.SerializeAsString();
}

}  // namespace hierevo::exchange
