#include "supervisor_protocol.hpp"

#include <string>

#include "hierevo/core/bytes.hpp"

namespace hierevo::process::detail {

namespace {

using core::ByteReader;
using core::ByteWriter;

enum class Kind : std::uint8_t { start = 1, kill = 2 };

constexpr std::size_t most_entries = 4096;

void write_texts(ByteWriter& out, const std::vector<std::string>& texts) {
  out.u32(static_cast<std::uint32_t>(texts.size()));
  for (const std::string& text : texts) out.text(text);
}

std::vector<std::string> read_texts(ByteReader& in) {
  const std::size_t count = in.u32();
  if (count > most_entries) in.fail();
  std::vector<std::string> texts;
  for (std::size_t i = 0; in.ok() && i < count; ++i) texts.push_back(in.text(longest_request));
  return texts;
}

StartRequest read_start(ByteReader& in) {
  StartRequest request;
  request.id = ProcessId{in.u64()};
  request.spec.command = read_texts(in);
  request.spec.environment = read_texts(in);
  const std::uint64_t limit = in.u64();
  if (limit > 0) request.spec.memory_limit = limit;
  const std::size_t cpus = in.u32();
  if (cpus > most_entries) in.fail();
  for (std::size_t i = 0; in.ok() && i < cpus; ++i) {
    request.spec.cpus.push_back(static_cast<int>(in.u32()));
  }
  return request;
}

}  // namespace

std::vector<std::byte> encode(const SupervisorRequest& request) {
  ByteWriter out;
  if (const auto* start = std::get_if<StartRequest>(&request)) {
    out.u8(static_cast<std::uint8_t>(Kind::start));
    out.u64(static_cast<std::uint64_t>(start->id));
    write_texts(out, start->spec.command);
    write_texts(out, start->spec.environment);
    out.u64(start->spec.memory_limit.value_or(0));
    out.u32(static_cast<std::uint32_t>(start->spec.cpus.size()));
    for (const int cpu : start->spec.cpus) out.u32(static_cast<std::uint32_t>(cpu));
  }
  if (const auto* kill = std::get_if<KillRequest>(&request)) {
    out.u8(static_cast<std::uint8_t>(Kind::kill));
    out.u64(static_cast<std::uint64_t>(kill->id));
  }
  return out.take();
}

std::optional<SupervisorRequest> decode_request(std::span<const std::byte> bytes) {
  ByteReader in(bytes);
  const auto kind = static_cast<Kind>(in.u8());
  std::optional<SupervisorRequest> request;
  if (kind == Kind::start) request = read_start(in);
  if (kind == Kind::kill) request = KillRequest{ProcessId{in.u64()}};
  if (!in.ok() || !in.at_end()) return std::nullopt;
  return request;
}

std::vector<std::byte> encode(const ProcessEnd& end) {
  ByteWriter out;
  out.u64(static_cast<std::uint64_t>(end.id));
  out.u8(static_cast<std::uint8_t>(end.cause));
  out.u32(static_cast<std::uint32_t>(end.code));
  return out.take();
}

std::optional<ProcessEnd> decode_end(std::span<const std::byte> bytes) {
  ByteReader in(bytes);
  ProcessEnd end;
  end.id = ProcessId{in.u64()};
  const std::uint8_t cause = in.u8();
  end.code = static_cast<int>(in.u32());
  if (!in.ok() || !in.at_end() || cause > 4) return std::nullopt;
  end.cause = static_cast<ProcessEnd::Cause>(cause);
  return end;
}

}  // namespace hierevo::process::detail
