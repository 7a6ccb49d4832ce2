// Packets over a SOCK_SEQPACKET socket, with file descriptors attached.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "hierevo/core/descriptor.hpp"

namespace hierevo::process::detail {

/// Waits while the other end is slow to take it. Nothing when the other end is closed, which
/// reading reports. Throws IoError when the system cannot send it.
void send_packet(int socket, std::span<const std::byte> bytes, std::span<const int> attached);

/// The same, without waiting: false when the other end must first take what was sent before.
bool try_send_packet(int socket, std::span<const std::byte> bytes, std::span<const int> attached);

struct Packet {
  std::vector<std::byte> bytes;  ///< none when there is no packet now
  std::vector<core::Descriptor> attached;
  bool closed = false;  ///< nothing more will come
};
/// The next packet, of up to `longest` bytes. Does not wait on a non-blocking socket.
Packet receive_packet(int socket, std::size_t longest);

}  // namespace hierevo::process::detail
