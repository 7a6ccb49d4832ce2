#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace hierevo::core {

/// Builds a byte sequence: little-endian numbers, texts and byte strings behind their length.
class ByteWriter {
 public:
  /// Numbers of as many bits as the function's name says.
  /// @{
  void u8(std::uint8_t value) { integer(value, 1); }
  void u16(std::uint16_t value) { integer(value, 2); }
  void u32(std::uint32_t value) { integer(value, 4); }
  void u64(std::uint64_t value) { integer(value, 8); }
  void i64(std::int64_t value) { integer(static_cast<std::uint64_t>(value), 8); }
  void f64(double value);
  /// @}
  /// A byte string behind its length.
  void bytes(std::span<const std::uint8_t> value);
  /// A text behind its length.
  void text(std::string_view value);
  /// All that was written.
  std::vector<std::byte> take() { return std::move(data_); }

 private:
  void integer(std::uint64_t value, int bytes);
  std::vector<std::byte> data_;
};

/// Reads what ByteWriter wrote, from bytes that may be anything. A read past the end, or a length
/// over its bound, makes the reader fail: from then on every read gives zero or nothing, and ok()
/// is false. So a decoder reads all fields and asks once.
class ByteReader {
 public:
  /// Reads `data`, which must outlive the reader.
  explicit ByteReader(std::span<const std::byte> data) : data_(data) {}

  /// Numbers, as ByteWriter wrote them.
  /// @{
  std::uint8_t u8() { return static_cast<std::uint8_t>(integer(1)); }
  std::uint16_t u16() { return static_cast<std::uint16_t>(integer(2)); }
  std::uint32_t u32() { return static_cast<std::uint32_t>(integer(4)); }
  std::uint64_t u64() { return integer(8); }
  std::int64_t i64() { return static_cast<std::int64_t>(integer(8)); }
  double f64();
  /// @}
  /// A byte string; fails when it has more than `longest` bytes.
  std::vector<std::uint8_t> bytes(std::size_t longest);
  /// A text; fails when it has more than `longest` bytes.
  std::string text(std::size_t longest);

  /// Whether no read has failed.
  bool ok() const { return ok_; }
  /// Whether every byte has been read.
  bool at_end() const { return data_.empty(); }
  /// Makes the reader fail, for a decoder that has found an impossible value.
  void fail() { ok_ = false; }

 private:
  std::uint64_t integer(int bytes);
  std::span<const std::byte> counted(std::size_t longest);
  std::span<const std::byte> data_;
  bool ok_ = true;
};

}  // namespace hierevo::core
