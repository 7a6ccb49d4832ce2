#include "hierevo/exchange/safetensors.hpp"

#include <bit>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <span>

#include "hierevo/core/bytes.hpp"

namespace hierevo::exchange {

std::vector<std::byte> safetensors(const std::vector<io::StoredTensor>& tensors,
                                   const std::map<std::string, std::string>& metadata) {
  static_assert(std::endian::native == std::endian::little, "floats are copied as they are");
  nlohmann::json header = {{"__metadata__", metadata}};
  std::size_t offset = 0;
  for (const io::StoredTensor& tensor : tensors) {
    const std::size_t end = offset + tensor.values.size() * sizeof(float);
    header[tensor.name] = {
        {"dtype", "F32"}, {"shape", tensor.shape}, {"data_offsets", {offset, end}}};
    offset = end;
  }
  std::string text = header.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  // The numbers begin where every type may.
  constexpr std::size_t alignment = 8;
  text.append((alignment - text.size() % alignment) % alignment, ' ');
  core::ByteWriter out;
  out.u64(text.size());
  std::vector<std::byte> bytes = out.take();
  bytes.reserve(bytes.size() + text.size() + offset);
  const auto append = [&bytes](std::span<const std::byte> part) {
    bytes.insert(bytes.end(), part.begin(), part.end());
  };
  append(std::as_bytes(std::span(text)));
  for (const io::StoredTensor& tensor : tensors) append(std::as_bytes(std::span(tensor.values)));
  return bytes;
}

}  // namespace hierevo::exchange
