#include "hierevo/core/error.hpp"
#include "hierevo/exchange/onnx.hpp"

namespace hierevo::exchange {

bool can_write_onnx() {
  return false;
}

std::string onnx_model(const Network&) {
  throw core::UsageError("This hierevo cannot write ONNX", "it was built without its library",
                         "Install libonnx-dev and build it again.");
}

}  // namespace hierevo::exchange
