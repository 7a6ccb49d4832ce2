// Messages between ranks, and between a worker and its evaluator processes.
#include <algorithm>
#include <variant>

#include "protocol.hpp"
#include "target.hpp"

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace hierevo;
  using fuzz::require;
  const auto bytes = fuzz::bytes_of(data, size);
  const auto message = search::decode(bytes);
  if (!message) return 0;
  const auto written = search::encode(*message);
  // A search space has several spellings, all else has one.
  if (!std::holds_alternative<search::Work>(*message)) {
    require(std::ranges::equal(written, bytes), "a message has one form");
  }
  const auto again = search::decode(written);
  require(again.has_value(), "a message that was written is read");
  require(again->index() == message->index(), "a message stays of its kind");
  require(search::encode(*again) == written, "a message is read as it was written");
  return 0;
}
