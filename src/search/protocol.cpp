#include "hierevo/search/protocol.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "hierevo/core/bytes.hpp"
#include "hierevo/core/error.hpp"

namespace hierevo::search {

using core::ByteReader;
using core::ByteWriter;

namespace {

constexpr std::uint32_t magic = 0x4f564548;  // "HEVO"
constexpr std::size_t longest_name = 256;
constexpr std::size_t most_genes = genome::SearchSpace::most_genes;

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

  void numbers(const std::vector<double>& values) {
    out.u32(static_cast<std::uint32_t>(values.size()));
    for (const double value : values) out.f64(value);
  }

  void operator()(const Hello& hello) {
    begin(Kind::hello);
    out.text(cut(hello.program, longest_name));
    out.text(cut(hello.host, longest_name));
    out.u64(hello.fingerprint);
    out.text(cut(hello.error, longest_reason));
  }

  void operator()(const Work& work) {
    const evolution::Candidate& candidate = work.candidate;
    begin(Kind::work);
    out.u64(number(candidate.id));
    out.u64(candidate.parent ? number(*candidate.parent) : 0);
    out.u64(candidate.seed);
    out.text(candidate.genotype.space().name());
    out.bytes(candidate.genotype.genes());
  }

  void operator()(const Result& result) {
    const evolution::Evaluation& evaluation = result.evaluation;
    begin(Kind::result);
    out.u64(number(result.id));
    out.u8(static_cast<std::uint8_t>(evaluation.status));
    out.f64(evaluation.fitness);
    numbers(evaluation.repeat_fitness);
    numbers(evaluation.repeat_loss);
    out.f64(evaluation.seconds);
    out.i64(evaluation.parameters);
    out.i64(evaluation.macs);
    out.text(cut(evaluation.reason, longest_reason));
  }

  void operator()(const Leave&) { begin(Kind::leave); }
};

std::vector<double> read_numbers(ByteReader& in) {
  const std::size_t count = in.u32();
  if (count > most_repeats) in.fail();
  std::vector<double> values;
  for (std::size_t i = 0; in.ok() && i < count; ++i) values.push_back(in.f64());
  return values;
}

Hello read_hello(ByteReader& in) {
  Hello hello;
  hello.program = in.text(longest_name);
  hello.host = in.text(longest_name);
  hello.fingerprint = in.u64();
  hello.error = in.text(longest_reason);
  return hello;
}

std::optional<Work> read_work(ByteReader& in) {
  const std::uint64_t id = in.u64();
  const std::uint64_t parent = in.u64();
  const std::uint64_t seed = in.u64();
  const std::string space = in.text(longest_name);
  std::vector<genome::Gene> genes = in.bytes(most_genes);
  if (!in.ok() || id == 0) return std::nullopt;
  try {
    genome::Genotype genotype(genome::SearchSpace::parse(space), std::move(genes));
    Work work{{evolution::IndividualId{id}, std::nullopt, seed, std::move(genotype)}};
    if (parent != 0) work.candidate.parent = evolution::IndividualId{parent};
    return work;
  } catch (const core::UsageError&) {
    return std::nullopt;  // no such space, or genes that do not fit it
  }
}

std::optional<Result> read_result(ByteReader& in) {
  Result result;
  result.id = evolution::IndividualId{in.u64()};
  const std::uint8_t status = in.u8();
  evolution::Evaluation& evaluation = result.evaluation;
  evaluation.fitness = in.f64();
  evaluation.repeat_fitness = read_numbers(in);
  evaluation.repeat_loss = read_numbers(in);
  evaluation.seconds = in.f64();
  evaluation.parameters = in.i64();
  evaluation.macs = in.i64();
  evaluation.reason = in.text(longest_reason);
  const bool read = in.ok() && number(result.id) != 0 && status < evolution::status_count;
  if (!read || !problem_with(evaluation).empty()) return std::nullopt;
  evaluation.status = static_cast<evolution::Status>(status);
  return result;
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

std::string problem_with(const evolution::Evaluation& evaluation) {
  // Below 0 it would be worse than an invalid cell's.
  if (!std::isfinite(evaluation.fitness) || evaluation.fitness < 0.0) {
    return fmt::format("a fitness of {} (it must be a number from 0 up)", evaluation.fitness);
  }
  if (!std::isfinite(evaluation.seconds) || evaluation.seconds < 0.0) {
    return fmt::format("a duration of {} s", evaluation.seconds);
  }
  const std::size_t repeats =
      std::max(evaluation.repeat_fitness.size(), evaluation.repeat_loss.size());
  if (repeats > most_repeats) {
    return fmt::format("results of {} repeats (at most {} are kept)", repeats, most_repeats);
  }
  return "";
}

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
