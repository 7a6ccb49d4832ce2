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
  if (channels < 0 || cells < 0) {
    throw core::UsageError("--channels and --cells must be 0 or more", "",
                           "0 takes the model's own number.");
  }
  if (channels != 0) spec.channels = channels;
  if (cells != 0) spec.cells = cells;
  return spec;
}

}  // namespace hierevo::app
