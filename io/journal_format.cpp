#include "journal_format.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <string>
#include <utility>

#include "checksummed_header.hpp"
#include "hierevo/core/file.hpp"
#include "hierevo/core/hash.hpp"
#include "hierevo/core/numbers.hpp"
#include "hierevo/evolution/codec.hpp"
#include "utf8.hpp"

namespace hierevo::io {

namespace {

constexpr std::string_view words_before_version = "hierevo journal ";
/// Length, its checksum and that of the record before a body.
constexpr std::size_t record_head = 12;
constexpr std::size_t longest_record = std::size_t{1} << 20;

std::uint32_t length_check(std::uint32_t length) {
  core::ByteWriter bytes;
  bytes.u32(length);
  return core::crc32c(bytes.take());
}

/// Of a body after a record with the checksum `before`.
std::uint32_t chained(std::uint32_t before, std::span<const std::byte> body) {
  core::ByteWriter front;
  front.u32(before);
  std::vector<std::byte> bytes = front.take();
  bytes.insert(bytes.end(), body.begin(), body.end());
  return core::crc32c(bytes);
}

/// What was computed, as checksums cover it: without metrics the same bytes as before there were
/// any.
void write_computed(core::ByteWriter& out, const evolution::Evaluation& evaluation) {
  evolution::write(out, evaluation);
  if (!evaluation.metrics.empty()) evolution::write(out, evaluation.metrics);
}

}  // namespace

std::uint64_t run_identity(const evolution::EngineOptions& options) {
  std::string text =
      fmt::format("{} {} {} {} {} {}", options.space.name(), evolution::name(options.algorithm),
                  options.population, options.tournament, options.seed, options.start_mutations);
  // Journals of before there were others are of the fitness alone.
  if (!is_fitness_alone(options.objectives)) text += " " + text_of(options.objectives);
  return core::hash_text(text);
}

JournalHeader JournalHeader::of(const Snapshot& follows) {
  const std::uint64_t told = follows.state.history.size();
  const std::uint64_t asked = told + follows.state.in_flight.size();
  return {run_identity(follows.options), asked, told, follows.owner,
          digest_of(follows.state.history, follows.state.in_flight, asked, told)};
}

std::uint64_t digest_of(std::span<const evolution::Individual> history,
                        std::span<const evolution::Candidate> in_flight, std::uint64_t asked,
                        std::uint64_t told) {
  std::map<std::uint64_t, std::uint32_t> waiting;
  const auto waits = [&](const evolution::Candidate& candidate) {
    if (number(candidate.id) <= asked) waiting[number(candidate.id)] = checksum_of(candidate);
  };
  std::uint64_t digest = told;
  for (std::size_t i = 0; i < history.size(); ++i) {
    const auto& [candidate, evaluation] = history[i];
    if (i >= told) {
      waits(candidate);
      continue;
    }
    evolution::Evaluation stored = evaluation;
    stored.reason = stored_reason(stored.reason);
    core::ByteWriter bytes;
    evolution::write(bytes, candidate);
    write_computed(bytes, stored);
    digest = core::combine(digest, core::crc32c(bytes.take()));
  }
  std::ranges::for_each(in_flight, waits);
  for (const auto& [id, checksum] : waiting) {
    digest = core::combine(core::combine(digest, id), checksum);
  }
  return digest;
}

std::uint32_t checksum_of(const evolution::Candidate& candidate) {
  core::ByteWriter bytes;
  evolution::write(bytes, candidate);
  return core::crc32c(bytes.take());
}

std::uint32_t checksum_of(const evolution::Evaluation& evaluation) {
  core::ByteWriter bytes;
  write_computed(bytes, evaluation);
  return core::crc32c(bytes.take());
}

void write_told(core::ByteWriter& out, const evolution::Evaluation& evaluation) {
  evolution::write(out, evaluation);
  out.f64(evaluation.finished_at.value_or(evolution::time_not_recorded));
  evolution::write(out, evaluation.metrics);
}

std::optional<evolution::Evaluation> read_told(core::ByteReader& in) {
  auto evaluation = evolution::read_evaluation(in);
  if (!evaluation || in.at_end()) return evaluation;  // versions 2 and 3 end here
  evaluation->finished_at = evolution::recorded_time(in.f64());
  if (in.ok() && in.at_end()) return evaluation;  // version 4 ends here
  auto metrics = evolution::read_metrics(in);
  if (!metrics || !in.at_end()) return std::nullopt;
  evaluation->metrics = std::move(*metrics);
  return evaluation;
}

void write(core::ByteWriter& out, const JournalHeader& header) {
  out.u64(header.run);
  out.u64(header.asked);
  out.u64(header.told);
  out.u64(header.owner.incarnation);
  out.u64(header.owner.token);
  out.u64(header.digest.value_or(0));
}

std::optional<JournalHeader> read_header(core::ByteReader& in) {
  JournalHeader header;
  header.run = in.u64();
  header.asked = in.u64();
  header.told = in.u64();
  if (in.ok() && !in.at_end()) {  // version 2 ends here
    header.owner.incarnation = in.u64();
    header.owner.token = in.u64();
    header.digest = in.u64();
  }
  if (!in.ok() || !in.at_end()) return std::nullopt;
  if (header.owner.incarnation > core::highest_incarnation) return std::nullopt;
  return header;
}

void RecordWriter::append(std::vector<std::byte>& to, std::span<const std::byte> body) {
  const auto length = static_cast<std::uint32_t>(body.size());
  checksum_ = chained(checksum_, body);
  core::ByteWriter head;
  head.u32(length);
  head.u32(length_check(length));
  head.u32(checksum_);
  const std::vector<std::byte> front = head.take();
  to.insert(to.end(), front.begin(), front.end());
  to.insert(to.end(), body.begin(), body.end());
}

std::optional<std::span<const std::byte>> Records::next() {
  if (rest_.size() < record_head) return std::nullopt;
  core::ByteReader head(rest_.first(record_head));
  const std::uint32_t length = head.u32();
  const std::uint32_t check = head.u32();
  const std::uint32_t checksum = head.u32();
  if (length > longest_record || check != length_check(length)) return damaged();
  if (rest_.size() - record_head < length) return std::nullopt;
  const auto body = rest_.subspan(record_head, length);
  if (checksum != chained(checksum_, body)) return damaged();
  checksum_ = checksum;
  rest_ = rest_.subspan(record_head + length);
  return body;
}

std::optional<std::span<const std::byte>> Records::damaged() {
  damaged_ = true;
  return std::nullopt;
}

std::vector<std::byte> read_journal(const std::filesystem::path& path) {
  std::size_t good = journal_first_line.size();  // which may be damaged itself
  std::uint32_t checksum = 0;
  return core::read_file(path, longest_journal,
                         [&](std::span<const std::byte> so_far, std::size_t) {
                           if (so_far.size() < good) return core::ReadOn::yes;
                           Records records(so_far.subspan(good), checksum);
                           while (records.next()) continue;
                           good = so_far.size() - records.left();
                           checksum = records.checksum();
                           return records.is_damaged() ? core::ReadOn::no : core::ReadOn::yes;
                         });
}

JournalContent content_of_journal(std::span<const std::byte> bytes,
                                  const std::filesystem::path& path) {
  const auto front = bytes.first(std::min(bytes.size(), journal_first_line.size()));
  const auto rest = bytes.subspan(front.size());
  const std::string_view line(reinterpret_cast<const char*>(front.data()), front.size());
  const bool earlier =
      line == journal_first_line_2 || line == journal_first_line_3 || line == journal_first_line_4;
  if (journal_first_line.starts_with(line) || earlier) return {rest, false};
  // With a record of this version after it, the line itself is wrong.
  if (Records(rest).next()) return {rest, true};
  if (line.starts_with(words_before_version)) {
    std::string_view rest_of_line = line.substr(words_before_version.size());
    const auto found = core::take_number<std::uint64_t>(rest_of_line).value_or(0);
    if (found > journal_version) throw NewerVersionError(path, "", found, journal_version);
    if (found == 1) {
      throw core::CheckpointError(
          path, fmt::format("it is a journal of version {}", found),
          fmt::format("this hierevo reads versions 2 to {}", journal_version),
          "Use the hierevo that wrote it, or remove it and resume from search.h5 alone.");
    }
  }
  return {{}, true};
}

std::optional<JournalHeader> header_of_journal(std::span<const std::byte> bytes,
                                               const std::filesystem::path& path) {
  const auto record = Records(content_of_journal(bytes, path).records).next();
  if (!record) return std::nullopt;
  core::ByteReader in(*record);
  if (static_cast<RecordKind>(in.u8()) != RecordKind::begun) return std::nullopt;
  return read_header(in);
}

}  // namespace hierevo::io
