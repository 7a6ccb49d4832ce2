#pragma once

#include <string>

#include "hierevo/exchange/network.hpp"

namespace hierevo::exchange {

/// Whether this build has the ONNX library.
bool can_write_onnx();

/// A trained network as an ONNX model, opset 13: "pixels" [batch, channels, height, width], float,
/// 0 to 255, to "logits" [batch, classes]; batch, height and width are free. Throws UsageError for
/// a network without weights, where they are those of another network, and for what
/// require_finite_pixels() refuses.
std::string onnx_model(const Network& network);

}  // namespace hierevo::exchange
