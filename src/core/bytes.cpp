#include "hierevo/core/bytes.hpp"

#include <bit>

namespace hierevo::core {

void ByteWriter::integer(std::uint64_t value, int bytes) {
  for (int i = 0; i < bytes; ++i) data_.push_back(static_cast<std::byte>(value >> (8 * i)));
}

void ByteWriter::f64(double value) {
  u64(std::bit_cast<std::uint64_t>(value));
}

void ByteWriter::bytes(std::span<const std::uint8_t> value) {
  u32(static_cast<std::uint32_t>(value.size()));
  const auto raw = std::as_bytes(value);
  data_.insert(data_.end(), raw.begin(), raw.end());
}

void ByteWriter::text(std::string_view value) {
  bytes({reinterpret_cast<const std::uint8_t*>(value.data()), value.size()});
}

std::uint64_t ByteReader::integer(int bytes) {
  const auto count = static_cast<std::size_t>(bytes);
  if (!ok_ || data_.size() < count) {
    ok_ = false;
    return 0;
  }
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < count; ++i)
    value |= std::to_integer<std::uint64_t>(data_[i]) << (8 * i);
  data_ = data_.subspan(count);
  return value;
}

double ByteReader::f64() {
  return std::bit_cast<double>(u64());
}

std::span<const std::byte> ByteReader::counted(std::size_t longest) {
  const std::size_t size = u32();
  if (!ok_ || size > longest || size > data_.size()) {
    ok_ = false;
    return {};
  }
  const auto head = data_.first(size);
  data_ = data_.subspan(size);
  return head;
}

std::vector<std::uint8_t> ByteReader::bytes(std::size_t longest) {
  const auto raw = counted(longest);
  std::vector<std::uint8_t> value(raw.size());
  for (std::size_t i = 0; i < raw.size(); ++i) value[i] = std::to_integer<std::uint8_t>(raw[i]);
  return value;
}

std::string ByteReader::text(std::size_t longest) {
  const auto raw = counted(longest);
  return {reinterpret_cast<const char*>(raw.data()), raw.size()};
}

}  // namespace hierevo::core
