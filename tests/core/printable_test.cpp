#include "hierevo/core/printable.hpp"

#include <gtest/gtest.h>

#include <string>

#include "hierevo/core/random.hpp"
#include "hierevo/core/standard_error.hpp"

namespace hierevo::core {
namespace {

TEST(Printable, TextIsKept) {
  for (const char* text : {"", "plain text", "a\\b", "3×3 → ±½", "日本語", "\xf0\x9f\x98\x80"}) {
    EXPECT_EQ(printable(text), text);
  }
}

TEST(Printable, WhatSteersATerminalIsSpeltOut) {
  EXPECT_EQ(printable("a\r\n\tb"), "a\\r\\n\\tb");
  EXPECT_EQ(printable("\x1b[2K\x7f"), "\\x1b[2K\\x7f");
  EXPECT_EQ(printable(std::string_view("\0", 1)), "\\x00");
  EXPECT_EQ(printable("\u009b2K"), "\\xc2\\x9b2K");  // a control character of 8 bits
  EXPECT_EQ(printable("\u202e\u2066"), "\\xe2\\x80\\xae\\xe2\\x81\\xa6");  // of the direction
}

TEST(Printable, WhatIsNoUtf8IsSpeltOut) {
  EXPECT_EQ(printable("\xff"
                      "a\xc3"),
            "\\xffa\\xc3");
  EXPECT_EQ(printable("\xc0\x9b"), "\\xc0\\x9b");           // longer than need be
  EXPECT_EQ(printable("\xed\xa0\x80"), "\\xed\\xa0\\x80");  // half a character of UTF-16
  EXPECT_EQ(printable("\xe2\x80"
                      "a"),
            "\\xe2\\x80"
            "a");
}

TEST(Printable, OfAnyBytesNothingIsLeft) {
  RandomStream random(1);
  for (int round = 0; round < 2000; ++round) {
    std::string bytes;
    for (int i = 0; i < 20; ++i) bytes += static_cast<char>(random.below(256));
    const std::string shown = printable(bytes);
    for (const char byte : shown) {
      EXPECT_TRUE(static_cast<unsigned char>(byte) >= 0x20 && byte != '\x7f') << shown;
    }
    EXPECT_EQ(printable(shown), shown);
  }
}

TEST(WriteLine, ShowsATabAsASpace) {
  testing::internal::CaptureStderr();
  write_line("a\tb\033");
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "a b\\x1b\n");
}

}  // namespace
}  // namespace hierevo::core
