// Options of the network, shared by several commands.
#pragma once

#include <string>

#include "hierevo/genome/plan.hpp"
#include "option_set.hpp"

namespace hierevo::app {

/// --model, --channels, --cells; 0 takes the model's own number.
struct ModelOptions {
  std::string model = "cifar-small";
  int channels = 0;
  int cells = 0;

  void add_to(OptionSet& options);
  genome::ModelSpec spec() const;
};

}  // namespace hierevo::app
