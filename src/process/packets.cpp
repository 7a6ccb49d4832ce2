#include "packets.hpp"

#include <poll.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "hierevo/core/error.hpp"

namespace hierevo::process::detail {

namespace {

constexpr std::size_t most_attached = 2;
/// Room for the attached descriptors, laid out as the kernel requires.
struct alignas(cmsghdr) Attachment {
  std::array<char, CMSG_SPACE(most_attached * sizeof(int))> room{};
};

std::vector<core::Descriptor> attached_to(msghdr& message) {
  std::vector<core::Descriptor> attached;
  for (cmsghdr* part = CMSG_FIRSTHDR(&message); part != nullptr;
       part = CMSG_NXTHDR(&message, part)) {
    if (part->cmsg_level != SOL_SOCKET || part->cmsg_type != SCM_RIGHTS) continue;
    std::array<int, most_attached> numbers{};
    const std::size_t count = (part->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    std::memcpy(numbers.data(), CMSG_DATA(part), count * sizeof(int));
    for (std::size_t i = 0; i < count; ++i) attached.emplace_back(numbers[i]);
  }
  return attached;
}

}  // namespace

bool try_send_packet(int socket, std::span<const std::byte> bytes, std::span<const int> attached) {
  std::vector<std::byte> copy(bytes.begin(), bytes.end());  // the interface requires it writable
  iovec part{copy.data(), copy.size()};
  Attachment attachment;
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  if (!attached.empty()) {
    message.msg_control = attachment.room.data();
    message.msg_controllen = CMSG_SPACE(attached.size_bytes());
    cmsghdr* head = CMSG_FIRSTHDR(&message);
    head->cmsg_level = SOL_SOCKET;
    head->cmsg_type = SCM_RIGHTS;
    head->cmsg_len = CMSG_LEN(attached.size_bytes());
    std::memcpy(CMSG_DATA(head), attached.data(), attached.size_bytes());
  }
  while (::sendmsg(socket, &message, MSG_NOSIGNAL | MSG_DONTWAIT) < 0) {
    if (errno == EAGAIN) return false;
    if (errno == EPIPE || errno == ECONNRESET) return true;
    if (errno != EINTR) throw core::IoError("supervisor process", "send to", errno);
  }
  return true;
}

void send_packet(int socket, std::span<const std::byte> bytes, std::span<const int> attached) {
  while (!try_send_packet(socket, bytes, attached)) {
    pollfd wanted{socket, POLLOUT, 0};
    ::poll(&wanted, 1, -1);
  }
}

Packet receive_packet(int socket, std::size_t longest) {
  Packet packet;
  packet.bytes.resize(longest);
  iovec part{packet.bytes.data(), packet.bytes.size()};
  Attachment attachment;
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = attachment.room.data();
  message.msg_controllen = attachment.room.size();
  ssize_t size = 0;
  do {
    size = ::recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
  } while (size < 0 && errno == EINTR);
  packet.closed = size == 0 || (size < 0 && errno != EAGAIN);
  packet.bytes.resize(size > 0 ? static_cast<std::size_t>(size) : 0);
  if (size > 0) packet.attached = attached_to(message);
  return packet;
}

}  // namespace hierevo::process::detail
