#include "hierevo/exchange/pytorch.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <string_view>

#include "hierevo/core/error.hpp"
#include "hierevo/core/printable.hpp"
#include "hierevo/genome/codec.hpp"
#include "hierevo/genome/dot.hpp"
#include "hierevo/genome/live_edges.hpp"
#include "hierevo/genome/primitive.hpp"
#include "op_weights.hpp"

namespace hierevo::exchange {

namespace {

using genome::Gene;
using genome::Genotype;
using genome::PlanOp;
using genome::PlanOpKind;
using genome::Primitive;

/// What all modules have in common.
constexpr const char* layers = R"python(
class Conv(nn.Module):
    """Convolution, batch normalisation, ReLU."""

    def __init__(self, width, channels, kernel=1, stride=1):
        super().__init__()
        self.width = channels  # of the output, here and in all modules below
        self.conv = nn.Conv2d(width, channels, kernel, stride, padding=kernel // 2, bias=False)
        self.bn = nn.BatchNorm2d(channels)

    def forward(self, x):
        return torch.relu(self.bn(self.conv(x)))


class DepthwiseConv(nn.Module):
    """3×3 depthwise convolution, batch normalisation, ReLU."""

    def __init__(self, width):
        super().__init__()
        self.width = width
        self.depthwise = nn.Conv2d(width, width, 3, padding=1, groups=width, bias=False)
        self.bn = nn.BatchNorm2d(width)

    def forward(self, x):
        return torch.relu(self.bn(self.depthwise(x)))


class SeparableConv(nn.Module):
    """3×3 depthwise and 1×1 convolution, batch normalisation, ReLU."""

    def __init__(self, width, channels, stride=1):
        super().__init__()
        self.width = channels
        self.depthwise = nn.Conv2d(width, width, 3, stride, padding=1, groups=width, bias=False)
        self.pointwise = nn.Conv2d(width, channels, 1, bias=False)
        self.bn = nn.BatchNorm2d(channels)

    def forward(self, x):
        return torch.relu(self.bn(self.pointwise(self.depthwise(x))))


def max_pool(x):
    return F.max_pool2d(x, 3, stride=1, padding=1)


def avg_pool(x):
    return F.avg_pool2d(x, 3, stride=1, padding=1, count_include_pad=False)
)python";

constexpr const char* loading = R"python(

def preprocess(pixels):
    """Images [N, C, H, W] with values of 0 to 255, as the network takes them."""
    mean = torch.tensor(PIXEL_MEAN, device=pixels.device).reshape(-1, 1, 1)
    scale = torch.tensor(PIXEL_SCALE, device=pixels.device).reshape(-1, 1, 1)
    return (pixels.float() - mean) * scale


def read_safetensors(path):
    """The tensors of the file, all of them float32."""
    with open(path, "rb") as file:
        header = json.loads(file.read(int.from_bytes(file.read(8), "little")))
        data = bytearray(file.read())
    tensors = {}
    for name, entry in header.items():
        if name == "__metadata__":
            continue
        begin, end = entry["data_offsets"]
        values = torch.frombuffer(data, dtype=torch.float32, count=(end - begin) // 4, offset=begin)
        tensors[name] = values.reshape(entry["shape"])
    return tensors


def load(path=os.path.join(os.path.dirname(os.path.abspath(__file__)), WEIGHTS)):
    """The trained network, in evaluation mode."""
    network = Network()
    missing, unexpected = network.load_state_dict(read_safetensors(path), strict=False)
    missing = [name for name in missing if not name.endswith("num_batches_tracked")]
    if missing or unexpected:
        raise ValueError(f"'{path}' is of another network: {(missing + unexpected)[0]}")
    return network.eval()
)python";

std::string python_text(const std::string& plain) {
  // JSON's texts are Python's, too.
  return nlohmann::json(plain).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

/// As a part of a text in quotes that nothing in it ends.
std::string quotable(const std::string& plain) {
  std::string text = core::printable(plain);
  std::ranges::replace_if(
      text, [](char letter) { return letter == '"' || letter == '\\'; }, '\'');
  return text;
}

/// "cells.0.1-3.out" as the module has it: "cells.0.edge_1_3.out".
std::string module_name(std::string_view op) {
  std::string name;
  for (std::size_t begin = 0; begin < op.size();) {
    const std::size_t end = std::min(op.find('.', begin), op.size());
    std::string part(op.substr(begin, end - begin));
    if (const std::size_t dash = part.find('-'); dash != part.npos) {
      part = fmt::format("edge_{}_{}", part.substr(0, dash), part.substr(dash + 1));
    }
    name += (name.empty() ? "" : ".") + part;
    begin = end + 1;
  }
  return name;
}

std::string class_of(const Genotype& genotype, int level, int motif) {
  if (level == genotype.space().top_level()) return "Cell";
  return level == 2 ? fmt::format("Motif{}", motif + 1)
                    : fmt::format("Level{}Motif{}", level, motif + 1);
}

/// A list of edges, in lines that are not too long.
std::string wrapped(const std::vector<std::string>& edges) {
  constexpr std::size_t longest = 90;
  std::string text;
  std::size_t line = 0;
  for (const std::string& edge : edges) {
    if (!text.empty()) text += line + edge.size() > longest ? ",\n    " : ", ";
    line = text.ends_with("    ") ? edge.size() : line + edge.size() + 2;
    text += edge;
  }
  return text;
}

/// Writes the class of one motif.
class MotifClass {
 public:
  MotifClass(const Genotype& genotype, const genome::LiveEdges& live, int level, int motif)
      : genotype_(genotype), live_(live.of(level, motif)), level_(level), motif_(motif) {}

  std::string text() {
    const int nodes = genotype_.space().level(level_).nodes;
    for (int to = 2; to <= nodes; ++to) add_node(to);
    const bool projected = level_ == 2 && genotype_.space().top_level() > 2;
    if (projected) make_ += fmt::format("        self.out = Conv(w{}, channels)\n", nodes);
    make_ += fmt::format("        self.width = {}\n",
                         projected ? std::string("channels") : fmt::format("w{}", nodes));
    compute_ += projected ? fmt::format("        return self.out(x{})\n", nodes)
                          : fmt::format("        return x{}\n", nodes);
    return fmt::format(
        "\n\nclass {}(nn.Module):\n    \"\"\"{}\"\"\"\n\n"
        "    def __init__(self, width, channels):\n        super().__init__()\n        w1 = width\n"
        "{}\n    def forward(self, x1):\n{}",
        class_of(genotype_, level_, motif_), wrapped(summary_), make_, compute_);
  }

 private:
  void add_node(int to) {
    std::vector<std::string> widths;
    std::vector<std::string> values;
    for (int from = 1; from < to; ++from) {
      const std::size_t edge = genome::edge_index(to - 1, from - 1);
      if (!live_[edge]) continue;
      const Gene gene = genotype_.motif(level_, motif_)[edge];
      summary_.push_back(fmt::format("{}→{} {}", from, to, genome::operation_text(level_, gene)));
      add_edge(from, to, gene, widths, values);
    }
    if (values.empty()) return;
    make_ += fmt::format("        w{} = {}\n", to, fmt::join(widths, " + "));
    compute_ += values.size() == 1 ? fmt::format("        x{} = {}\n", to, values.front())
                                   : fmt::format("        x{} = torch.cat([{}], dim=1)\n", to,
                                                 fmt::join(values, ", "));
  }

  void add_edge(int from, int to, Gene gene, std::vector<std::string>& widths,
                std::vector<std::string>& values) {
    const std::string edge = fmt::format("self.edge_{}_{}", from, to);
    const auto with_module = [&](const std::string& module, const std::string& width) {
      make_ += fmt::format("        {} = {}\n", edge, module);
      widths.push_back(width);
      values.push_back(fmt::format("{}(x{})", edge, from));
    };
    const auto without = [&](const std::string& value) {
      widths.push_back(fmt::format("w{}", from));
      values.push_back(value);
    };
    if (level_ > 2) {
      return with_module(
          fmt::format("{}(w{}, channels)", class_of(genotype_, level_ - 1, gene - 1), from),
          edge + ".width");
    }
    switch (static_cast<Primitive>(gene - 1)) {
      case Primitive::conv1x1:
        return with_module(fmt::format("Conv(w{}, channels)", from), "channels");
      case Primitive::depthwise3x3:
        return with_module(fmt::format("DepthwiseConv(w{})", from), fmt::format("w{}", from));
      case Primitive::separable3x3:
        return with_module(fmt::format("SeparableConv(w{}, channels)", from), "channels");
      case Primitive::maxpool3x3:
        return without(fmt::format("max_pool(x{})", from));
      case Primitive::avgpool3x3:
        return without(fmt::format("avg_pool(x{})", from));
      case Primitive::identity:
        return without(fmt::format("x{}", from));
    }
    throw core::InternalError("An edge has no operation");
  }

  const Genotype& genotype_;
  const std::vector<bool>& live_;
  int level_;
  int motif_;
  std::vector<std::string> summary_;
  std::string make_;
  std::string compute_;
};

/// The classes of all motifs that the cell uses, the lower ones first.
std::string motif_classes(const Genotype& genotype) {
  const genome::LiveEdges live(genotype);
  std::string text;
  for (int level = 2; level <= genotype.space().top_level(); ++level) {
    const std::vector<bool> used = live.used(level);
    for (int motif = 0; motif < genotype.space().level(level).motifs; ++motif) {
      if (!used[static_cast<std::size_t>(motif)]) continue;
      text += MotifClass(genotype, live, level, motif).text();
    }
  }
  return text;
}

/// What stands around the cells of a network, by its plan.
struct Surroundings {
  std::vector<std::string> stem;    ///< calls of Conv
  std::vector<std::string> stages;  ///< channels of a cell, of the separator behind it, its stride
};

Surroundings surroundings_of(const genome::Plan& plan, const genome::ModelSpec& model) {
  Surroundings found;
  std::int64_t width = plan.input_channels;
  std::int64_t cell_channels = model.channels;
  for (const PlanOp& op : plan.ops) {
    if (op.name.starts_with("stem.")) {
      found.stem.push_back(fmt::format("Conv({}, {}, kernel={}, stride={})", width, op.channels,
                                       op.kernel, op.stride));
      width = op.channels;
    }
    if (op.name.starts_with("separators.")) {
      found.stages.push_back(fmt::format("({}, {}, {})", cell_channels, op.channels, op.stride));
      cell_channels = op.channels;
    }
  }
  return found;
}

std::string network_class(const Network& network, const genome::Plan& plan) {
  const Surroundings around = surroundings_of(plan, network.model);
  return fmt::format(
      "\n\nclass Network(nn.Module):\n"
      "    \"\"\"Images [N, {0}, H, W], as preprocess() makes them, to logits [N, {1}].\"\"\"\n\n"
      "    # Channels of each cell, and of the separable convolution behind it, with its stride.\n"
      "    STAGES = [{2}]\n\n"
      "    def __init__(self):\n"
      "        super().__init__()\n"
      "        self.stem = nn.Sequential({3})\n"
      "        self.cells = nn.ModuleList()\n"
      "        self.separators = nn.ModuleList()\n"
      "        width = self.stem[-1].width\n"
      "        for channels, separator_channels, stride in self.STAGES:\n"
      "            cell = Cell(width, channels)\n"
      "            self.cells.append(cell)\n"
      "            self.separators.append(SeparableConv(cell.width, separator_channels, stride))\n"
      "            width = separator_channels\n"
      "        self.classifier = nn.Linear(width, {1})\n\n"
      "    def forward(self, x):\n"
      "        x = self.stem(x)\n"
      "        for cell, separator in zip(self.cells, self.separators):\n"
      "            x = separator(cell(x))\n"
      "        return self.classifier(x.mean(dim=(2, 3)))\n",
      plan.input_channels, plan.classes, fmt::join(around.stages, ", "),
      fmt::join(around.stem, ", "));
}

std::string constants(const Network& network, const std::string& weights_file) {
  std::vector<std::string> names;
  for (const std::string& name : network.class_names) names.push_back(python_text(name));
  return fmt::format(
      "\nWEIGHTS = {}  # beside this file\n"
      "PIXEL_MEAN = [{}]  # of each channel, of pixels of 0 to 255\n"
      "PIXEL_SCALE = [{}]\n"
      "CLASS_NAMES = [{}]\n",
      python_text(weights_file), fmt::join(network.pixel_mean, ", "),
      fmt::join(network.pixel_scale, ", "), fmt::join(names, ", "));
}

}  // namespace

std::string pytorch_module(const Network& network, const std::string& weights_file) {
  require_finite_pixels(network);
  const genome::Plan plan = make_plan(genome::assemble(network.genotype), network.model);
  const std::string head = fmt::format(
      "\"\"\"{}, c0={}, N={}, around a cell that hierevo has found.\n\n"
      "{}. Needs torch alone.\n\"\"\"\n",
      genome::name(network.model.kind), network.model.channels, network.model.cells,
      quotable(network.origin));
  std::string text = head;
  if (network.trained()) text += "import json\nimport os\n\n";
  text += "import torch\nimport torch.nn.functional as F\nfrom torch import nn\n";
  text += fmt::format("\nGENOTYPE = {}\n", python_text(genome::json_text(network.genotype)));
  if (network.trained()) text += constants(network, weights_file);
  text +=
      std::string("\n") + layers + motif_classes(network.genotype) + network_class(network, plan);
  if (network.trained()) text += loading;
  return text;
}

std::vector<io::StoredTensor> pytorch_weights(const Network& network) {
  std::vector<io::StoredTensor> weights;
  for (const OpWeights& op : weights_of(network)) {
    const std::string module = module_name(op.op.name);
    const bool has_module = op.op.kind == PlanOpKind::conv || op.op.kind == PlanOpKind::depthwise;
    for (const auto& [role, tensor] : op.tensors) {
      weights.push_back(*tensor);
      std::string& name = weights.back().name;
      name = module + "." + role;
      if (role != "weight" || !has_module) continue;
      name = module + (op.op.kind == PlanOpKind::conv ? ".conv.weight" : ".depthwise.weight");
    }
  }
  return weights;
}

}  // namespace hierevo::exchange
