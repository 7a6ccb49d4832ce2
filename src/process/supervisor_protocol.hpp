// What a process and its supervisor say to each other, a message a packet. Both are one program,
// but for the fork: bytes that cannot be read are an error of ours.
#pragma once

#include <cstddef>
#include <span>
#include <variant>
#include <vector>

#include "hierevo/process/supervisor.hpp"

namespace hierevo::process::detail {

/// With the program's ends of its socket and of its output attached.
struct StartRequest {
  ProcessId id{};
  LaunchSpec spec;
};
struct KillRequest {
  ProcessId id{};
};
using SupervisorRequest = std::variant<StartRequest, KillRequest>;

/// Longest request; more is refused by start().
inline constexpr std::size_t longest_request = std::size_t{1} << 17;
/// Longest message about an end; more is never sent.
inline constexpr std::size_t longest_end = 64;

std::vector<std::byte> encode(const SupervisorRequest& request);
std::optional<SupervisorRequest> decode_request(std::span<const std::byte> bytes);

std::vector<std::byte> encode(const ProcessEnd& end);
std::optional<ProcessEnd> decode_end(std::span<const std::byte> bytes);

}  // namespace hierevo::process::detail
