#include "hierevo/core/bytes.hpp"

#include <gtest/gtest.h>

#include <limits>

namespace hierevo::core {
namespace {

std::vector<std::byte> sample() {
  ByteWriter out;
  out.u8(7);
  out.u16(0xabcd);
  out.u32(0xdeadbeef);
  out.u64(std::numeric_limits<std::uint64_t>::max());
  out.i64(-5);
  out.f64(0.1);
  out.text("süß");
  out.bytes(std::vector<std::uint8_t>{1, 2, 3});
  return out.take();
}

/// Reads what sample() wrote; says whether all of it was there.
bool read_all(std::span<const std::byte> data) {
  ByteReader in(data);
  const bool equal = in.u8() == 7 && in.u16() == 0xabcd && in.u32() == 0xdeadbeef &&
                     in.u64() == std::numeric_limits<std::uint64_t>::max() && in.i64() == -5 &&
                     in.f64() == 0.1 && in.text(10) == "süß" &&
                     in.bytes(3) == std::vector<std::uint8_t>{1, 2, 3};
  return equal && in.ok() && in.at_end();
}

TEST(Bytes, RoundTrip) {
  EXPECT_TRUE(read_all(sample()));
}

TEST(Bytes, AreLittleEndian) {
  ByteWriter out;
  out.u16(0x0102);
  EXPECT_EQ(out.take(), (std::vector<std::byte>{std::byte{2}, std::byte{1}}));
}

TEST(Bytes, EveryCutIsNoticed) {
  const auto whole = sample();
  for (std::size_t length = 0; length < whole.size(); ++length) {
    ASSERT_FALSE(read_all(std::span(whole).first(length))) << length;
  }
}

TEST(Bytes, LengthsOverTheirBoundFail) {
  ByteWriter out;
  out.text("four");
  const auto data = out.take();
  ByteReader in(data);
  EXPECT_EQ(in.text(3), "");
  EXPECT_FALSE(in.ok());
}

}  // namespace
}  // namespace hierevo::core
