#include "protocol.hpp"

#include <bit>
#include <cmath>
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

enum class Kind : std::uint8_t {
  hello = 1,
  work = 2,
  result = 3,
  drain = 4,
  drained = 5,
  stop = 6,
  progress_report = 7,
  heartbeat = 8,
  setup = 9,
  shutdown = 10,
  capacity_reduced = 11,
  cancel = 12,
  cancelled = 13,
};

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
    out.u32(hello.evaluators);
    out.u8(hello.data ? 1 : 0);
    if (hello.data) {
      out.u32(static_cast<std::uint32_t>(hello.data->input_channels));
      out.u32(static_cast<std::uint32_t>(hello.data->classes));
      out.u64(hello.data->fingerprint);
      out.u32(static_cast<std::uint32_t>(hello.data->image_size));
      out.text(cut(hello.data->name, longest_name));
      out.i64(hello.data->training_images);
      out.i64(hello.data->held_out_images);
    }
    out.text(cut(hello.error, evolution::longest_reason));
    out.text(cut(hello.place, longest_name));
    out.i64(hello.evaluator_memory);
  }

  void operator()(const Work& work) {
    begin(Kind::work);
    out.text(work.candidate.genotype.space().name());
    write(out, work.candidate);
    out.u8(static_cast<std::uint8_t>(work.memory_parts));
  }

  void operator()(const Result& result) {
    begin(Kind::result);
    out.u64(number(result.id));
    write(out, result.evaluation);
    evolution::write(out, result.evaluation.metrics);
  }

  void operator()(const ProgressReport& report) {
    begin(Kind::progress_report);
    out.u32(static_cast<std::uint32_t>(report.parts.size()));
    for (const auto& [id, at] : report.parts) {
      out.u64(number(id));
      out.u32(static_cast<std::uint32_t>(at.repeat));
      out.i64(at.step);
      out.i64(at.steps);
      out.f64(at.loss);
      out.f64(at.earlier_seconds);
    }
  }

  void operator()(const Heartbeat&) { begin(Kind::heartbeat); }
  void operator()(const Stop&) { begin(Kind::stop); }
  void operator()(const Drain&) { begin(Kind::drain); }
  void operator()(const Shutdown&) { begin(Kind::shutdown); }

  void operator()(const CapacityReduced& reduced) {
    begin(Kind::capacity_reduced);
    out.u32(reduced.evaluators);
  }

  void operator()(const Cancel& cancel) {
    begin(Kind::cancel);
    out.u64(number(cancel.id));
  }

  void operator()(const Cancelled& cancelled) {
    begin(Kind::cancelled);
    out.u64(number(cancelled.id));
  }

  void operator()(const Drained& left) {
    begin(Kind::drained);
    out.text(cut(left.error, evolution::longest_reason));
  }

  void operator()(const Setup& setup) {
    if (setup.text.size() > longest_setup) {
      throw core::UsageError("The options are too long for a message",
                             "they have " + std::to_string(setup.text.size()) + " bytes",
                             "Use shorter paths and commands.");
    }
    begin(Kind::setup);
    out.text(setup.text);
  }
};

/// A number that stands for an int from `smallest` up.
int read_int(ByteReader& in, int smallest, int largest) {
  const std::uint32_t value = in.u32();
  const bool possible =
      value >= static_cast<std::uint32_t>(smallest) && value <= static_cast<std::uint32_t>(largest);
  if (!possible) in.fail();
  return possible ? static_cast<int>(value) : smallest;
}

constexpr int most_channels = 1 << 16;
constexpr int most_pixels = 1 << 16;  ///< high or wide

std::int64_t read_count(ByteReader& in) {
  const std::int64_t count = in.i64();
  if (count < 0) in.fail();
  return count;
}

DataFacts read_data_facts(ByteReader& in) {
  DataFacts data;
  data.input_channels = read_int(in, 1, most_channels);
  data.classes = read_int(in, 1, most_channels);
  data.fingerprint = in.u64();
  data.image_size = read_int(in, 1, most_pixels);
  data.name = in.text(longest_name);
  data.training_images = read_count(in);
  data.held_out_images = read_count(in);
  return data;
}

std::optional<AnyMessage> read_hello(ByteReader& in) {
  Hello hello;
  hello.program = in.text(longest_name);
  hello.host = in.text(longest_name);
  hello.fingerprint = in.u64();
  hello.evaluators = static_cast<std::uint32_t>(read_int(in, 1, most_evaluators));
  const std::uint8_t has_data = in.u8();
  if (has_data > 1) return std::nullopt;
  if (has_data == 1) hello.data = read_data_facts(in);
  hello.error = in.text(evolution::longest_reason);
  hello.place = in.text(longest_name);
  hello.evaluator_memory = read_count(in);
  return hello;
}

std::optional<AnyMessage> read_work(ByteReader& in) {
  const std::string space = in.text(longest_name);
  if (!in.ok()) return std::nullopt;
  try {
    auto candidate = evolution::read_candidate(in, genome::SearchSpace::parse(space));
    const unsigned parts = in.u8();
    if (!candidate || !std::has_single_bit(parts) || parts > most_memory_parts) return std::nullopt;
    return Work{std::move(*candidate), static_cast<int>(parts)};
  } catch (const core::UsageError&) {
    return std::nullopt;  // no such space
  }
}

std::optional<AnyMessage> read_result(ByteReader& in) {
  const std::uint64_t id = in.u64();
  auto evaluation = evolution::read_evaluation(in);
  if (id == 0 || !evaluation) return std::nullopt;
  auto metrics = evolution::read_metrics(in);
  if (!metrics) return std::nullopt;
  evaluation->metrics = std::move(*metrics);
  return Result{evolution::IndividualId{id}, std::move(*evaluation)};
}

std::optional<AnyMessage> read_beat(ByteReader& in) {
  ProgressReport report;
  const std::size_t count = in.u32();
  if (count > most_evaluators) in.fail();
  for (std::size_t i = 0; in.ok() && i < count; ++i) {
    ProgressReport::Part part;
    part.id = evolution::IndividualId{in.u64()};
    part.at.repeat = read_int(in, 0, evolution::most_repeats);
    part.at.step = in.i64();
    part.at.steps = in.i64();
    part.at.loss = in.f64();
    part.at.earlier_seconds = in.f64();
    const bool possible = number(part.id) != 0 && part.at.step >= 0 && part.at.steps >= 0 &&
                          std::isfinite(part.at.earlier_seconds) && part.at.earlier_seconds >= 0.0;
    if (!possible) in.fail();
    report.parts.push_back(part);
  }
  return report;
}

evolution::IndividualId read_id(ByteReader& in) {
  const std::uint64_t id = in.u64();
  if (id == 0) in.fail();
  return evolution::IndividualId{id};
}

std::optional<AnyMessage> read_body(std::uint8_t kind, ByteReader& in) {
  switch (static_cast<Kind>(kind)) {
    case Kind::hello:
      return read_hello(in);
    case Kind::work:
      return read_work(in);
    case Kind::result:
      return read_result(in);
    case Kind::progress_report:
      return read_beat(in);
    case Kind::heartbeat:
      return Heartbeat{};
    case Kind::stop:
      return Stop{};
    case Kind::drain:
      return Drain{};
    case Kind::shutdown:
      return Shutdown{};
    case Kind::drained:
      return Drained{in.text(evolution::longest_reason)};
    case Kind::setup:
      return Setup{in.text(longest_setup)};
    case Kind::capacity_reduced:
      return CapacityReduced{static_cast<std::uint32_t>(read_int(in, 1, most_evaluators))};
    case Kind::cancel:
      return Cancel{read_id(in)};
    case Kind::cancelled:
      return Cancelled{read_id(in)};
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
