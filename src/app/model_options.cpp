#include "model_options.hpp"

#include "hierevo/core/error.hpp"

namespace hierevo::app {

void ModelOptions::add_to(OptionSet& options) {
  options.group("Network (Figure 2 of the paper)");
  options.add("model", &model, "cifar-small, cifar-large or imagenet");
  options.add("channels", &channels, "c0, the channels of the first group; 0: the model's own");
  options.add("cells", &cells, "N, the cells of a group; 0: the model's own");
  options.explain("channels", [this] {
    return channels == 0 ? fmt::format("the model's own: {}", spec().channels) : std::string();
  });
  options.explain("cells", [this] {
    return cells == 0 ? fmt::format("the model's own: {}", spec().cells) : std::string();
  });
}

genome::ModelSpec ModelOptions::spec() const {
  genome::ModelSpec spec = genome::ModelSpec::of(genome::model_kind_named(model));
  const auto check = [](std::string_view option, int value, int most) {
    if (value >= 0 && value <= most) return;
    throw core::UsageError(fmt::format("--{} is {}", option, value),
                           fmt::format("it can be 1 to {}", most),
                           "Give 0 for the model's own number.");
  };
  check("channels", channels, genome::ModelSpec::most_channels);
  check("cells", cells, genome::ModelSpec::most_cells);
  if (channels != 0) spec.channels = channels;
  if (cells != 0) spec.cells = cells;
  return spec;
}

}  // namespace hierevo::app
