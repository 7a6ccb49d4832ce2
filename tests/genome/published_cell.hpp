// The cell of Appendix A of the paper: the fixture with known parameter counts.
#pragma once

#include <string>

#include "hierevo/genome/codec.hpp"

namespace hierevo::genome {

inline Genotype published_cell() {
  return genotype_from_json(R"({
    "format": "hierevo.genotype", "version": 1, "levels": [
    {"level": 2, "nodes": 4, "motifs": [
      ["maxpool3x3", "conv1x1", "depthwise3x3", "separable3x3", "conv1x1", "maxpool3x3"],
      ["maxpool3x3", "depthwise3x3", "depthwise3x3", "conv1x1", "separable3x3", "separable3x3"],
      ["separable3x3", "depthwise3x3", "separable3x3", "separable3x3", "identity", "avgpool3x3"],
      ["avgpool3x3", "separable3x3", "separable3x3", "identity", "maxpool3x3", "avgpool3x3"],
      ["identity", "separable3x3", "identity", "separable3x3", "identity", "separable3x3"],
      ["depthwise3x3", "maxpool3x3", "maxpool3x3", "separable3x3", "identity", "avgpool3x3"]]},
    {"level": 3, "nodes": 5, "motifs": [[5, 3, 3, 3, 1, 3, 4, 5, 5, 5]]}]})",
                            "the published cell");
}

}  // namespace hierevo::genome
