#include "model_options.hpp"

namespace hierevo::app {

void ModelOptions::add_to(OptionSet& options) {
  options.group("Network (Figure 2 of the paper)");
  const auto& models = genome::model_names;
  options.add("model", &model, "network that the cell is put into",
              {.choices = std::vector<std::string>(models.begin(), models.end())});
  const auto own_or_up_to = [](int most) {
    return Facts{.range = core::between(0, most), .zero = "the model's own number"};
  };
  options.add("channels", &channels, "c0, the channels of the first group",
              own_or_up_to(genome::ModelSpec::most_channels));
  options.add("cells", &cells, "N, the cells of a group",
              own_or_up_to(genome::ModelSpec::most_cells));
  options.explain("channels", [this] {
    return channels == 0 ? fmt::format("the model's own: {}", spec().channels) : std::string();
  });
  options.explain("cells", [this] {
    return cells == 0 ? fmt::format("the model's own: {}", spec().cells) : std::string();
  });
}

genome::ModelSpec ModelOptions::spec() const {
  genome::ModelSpec spec = genome::ModelSpec::of(genome::model_kind_named(model));
  if (channels != 0) spec.channels = channels;
  if (cells != 0) spec.cells = cells;
  return spec;
}

}  // namespace hierevo::app
