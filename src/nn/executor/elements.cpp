#include "elements.hpp"

#include <ATen/ATen.h>

#include "hierevo/core/error.hpp"

namespace hierevo::nn {

namespace {

comm::ElementType type_of(c10::ScalarType type) {
  switch (type) {
    case at::kByte:
      return comm::ElementType::uint8;
    case at::kLong:
      return comm::ElementType::int64;
    case at::kBFloat16:
      return comm::ElementType::bfloat16;
    case at::kFloat:
      return comm::ElementType::float32;
    case at::kDouble:
      return comm::ElementType::float64;
    default:
      throw core::InternalError("Ranks cannot exchange tensors of this type");
  }
}

}  // namespace

comm::Elements elements_of(const at::Tensor& tensor) {
  if (!tensor.is_contiguous()) throw core::InternalError("Ranks exchange contiguous tensors only");
  return {tensor.data_ptr(), static_cast<std::size_t>(tensor.numel()),
          type_of(tensor.scalar_type())};
}

}  // namespace hierevo::nn
