#include "hierevo/search/protocol.hpp"

#include <utility>

#include "hierevo/core/bytes.hpp"
#include "hierevo/core/error.hpp"
#include "hierevo/evolution/codec.hpp"

namespace hierevo::search {

using core::ByteReader;
using core::ByteWriter;

namespace {

constexpr std::uint32_t magic = 0x4f564548;  // "HEVO"
constexpr std::size_t longest_name = 256;

enum class Kind : std::uint8_t { hello = 1, work = 2, result = 3, leave = 4 };

std::string_view cut(std::string_view text, std::size_t longest) {
  return text.substr(0, longest);
}

struct Encoder {
  ByteWriter out;

  void begin(Kind kind) {
    out.u32(magic);
    out.u16(protocol_version);
    out.u8(static_cast<std::uint8_t>(kind));
  }

  void operator()(const Hello& hello) {
    begin(Kind::hello);
    out.text(cut(hello.program, longest_name));
    out.text(cut(hello.host, longest_name));
    out.u64(hello.fingerprint);
    out.text(cut(hello.error, evolution::longest_reason));
  }

  void operator()(const Work& work) {
    begin(Kind::work);
    out.text(work.candidate.genotype.space().name());
    write(out, work.candidate);
  }

  void operator()(const Result& result) {
    begin(Kind::result);
    out.u64(number(result.id));
    write(out, result.evaluation);
  }

  void operator()(const Leave&) { begin(Kind::leave); }
};

Hello read_hello(ByteReader& in) {
  Hello hello;
  hello.program = in.text(longest_name);
  hello.host = in.text(longest_name);
  hello.fingerprint = in.u64();
  hello.error = in.text(evolution::longest_reason);
  return hello;
}

std::optional<Work> read_work(ByteReader& in) {
  const std::string space = in.text(longest_name);
  if (!in.ok()) return std::nullopt;
  try {
    auto candidate = evolution::read_candidate(in, genome::SearchSpace::parse(space));
    if (!candidate) return std::nullopt;
    return Work{std::move(*candidate)};
  } catch (const core::UsageError&) {
    return std::nullopt;  // no such space
  }
}

std::optional<Result> read_result(ByteReader& in) {
  const std::uint64_t id = in.u64();
  auto evaluation = evolution::read_evaluation(in);
  if (id == 0 || !evaluation) return std::nullopt;
  return Result{evolution::IndividualId{id}, std::move(*evaluation)};
}

template <typename T>
std::optional<AnyMessage> if_read(std::optional<T> message) {
  if (!message) return std::nullopt;
  return AnyMessage(std::move(*message));
}

std::optional<AnyMessage> read_body(std::uint8_t kind, ByteReader& in) {
  switch (static_cast<Kind>(kind)) {
    case Kind::hello:
      return read_hello(in);
    case Kind::work:
      return if_read(read_work(in));
    case Kind::result:
      return if_read(read_result(in));
    case Kind::leave:
      return Leave{};
  }
  return std::nullopt;
}

}  // namespace

std::vector<std::byte> encode(const AnyMessage& message) {
  Encoder encoder;
  std::visit(encoder, message);
  return encoder.out.take();
}

std::optional<AnyMessage> decode(std::span<const std::byte> bytes) {
  ByteReader in(bytes);
  const bool ours = in.u32() == magic && in.u16() == protocol_version;
  if (!ours) return std::nullopt;
  const std::uint8_t kind = in.u8();
  auto message = read_body(kind, in);
  if (!in.ok() || !in.at_end()) return std::nullopt;
  return message;
}

}  // namespace hierevo::search
