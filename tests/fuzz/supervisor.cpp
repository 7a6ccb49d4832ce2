// Requests to the supervisor of evaluator processes, and exits of processes that it reports.
#include "supervisor_protocol.hpp"

#include <algorithm>

#include "target.hpp"

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace hierevo::process::detail;
  using hierevo::fuzz::require;
  const auto bytes = hierevo::fuzz::bytes_of(data, size);
  if (const auto request = decode_request(bytes)) {
    require(std::ranges::equal(encode(*request), bytes), "a request has one form");
  }
  if (const auto end = decode_end(bytes)) {
    require(std::ranges::equal(encode(*end), bytes), "the end of a process has one form");
  }
  return 0;
}
