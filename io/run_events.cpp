#include "run_events.hpp"

#include <map>
#include <string>
#include <utility>

#include "checksummed_header.hpp"
#include "hierevo/core/error.hpp"
#include "hierevo/core/file.hpp"
#include "hierevo/evolution/codec.hpp"
#include "journal_format.hpp"

namespace hierevo::io {

namespace fs = std::filesystem;

using evolution::Candidate;
using evolution::IndividualId;

namespace {

std::optional<Event> event_in(std::span<const std::byte> record, const genome::SearchSpace& space) {
  core::ByteReader in(record);
  const auto kind = static_cast<RecordKind>(in.u8());
  if (kind == RecordKind::asked) {
    if (auto candidate = evolution::read_candidate(in, space)) return std::move(*candidate);
  } else if (kind == RecordKind::told) {
    const IndividualId id{in.u64()};
    const std::uint32_t candidate = in.u32();
    if (auto evaluation = read_told(in)) {
      return Told{id, candidate, std::move(*evaluation)};
    }
  }
  return std::nullopt;
}

std::optional<Events> events_of_journal(std::span<const std::byte> bytes, const fs::path& path,
                                        const evolution::EngineOptions& options) {
  const auto header = header_of_journal(bytes, path);
  if (!header || header->run != run_identity(options)) return std::nullopt;
  Events result{header->owner, header, {}};
  Records records(content_of_journal(bytes, path).records);
  while (const auto record = records.next()) {
    if (auto event = event_in(*record, options.space)) result.events.push_back(std::move(*event));
  }
  return result;
}

}  // namespace

Events events_of(const Snapshot& snapshot) {
  std::multimap<std::uint64_t, const Candidate*> made;
  const auto make = [&](const Candidate& candidate, std::uint64_t latest) {
    made.emplace(candidate.known.value_or(latest), &candidate);
  };
  const auto& history = snapshot.state.history;
  for (std::size_t i = 0; i < history.size(); ++i) make(history[i].candidate, i);
  for (const Candidate& candidate : snapshot.state.in_flight) make(candidate, history.size());
  Events result{snapshot.owner, {}, {}};
  const auto add_made_at = [&](std::uint64_t told) {
    std::map<IndividualId, const Candidate*> by_id;
    const auto [first, last] = made.equal_range(told);
    for (auto one = first; one != last; ++one) by_id.emplace(one->second->id, one->second);
    for (const auto& [id, candidate] : by_id) result.events.emplace_back(*candidate);
  };
  for (std::size_t i = 0; i < history.size(); ++i) {
    add_made_at(i);
    const auto& [candidate, evaluation] = history[i];
    result.events.emplace_back(Told{candidate.id, checksum_of(candidate), evaluation});
  }
  add_made_at(history.size());
  return result;
}

bool is_journal(const fs::path& file) {
  return file.filename().string().starts_with("journal");
}

std::vector<std::byte> read_run_file(const fs::path& file) {
  return is_journal(file) ? read_journal(file) : read_block_file(file, snapshot_kind);
}

std::uint64_t incarnation_in(const fs::path& file) {
  try {
    if (!is_journal(file)) return incarnation_of(read_run_file(file), file);
    const auto beginning =
        core::read_file(file, longest_journal, [](auto, std::size_t) { return core::ReadOn::no; });
    const auto header = header_of_journal(beginning, file);
    return header ? header->owner.incarnation : 0;
  } catch (const core::Error&) {
    return 0;
  }
}

std::optional<Events> events_in(const fs::path& file, const evolution::EngineOptions& options) {
  try {
    const auto bytes = read_run_file(file);
    if (is_journal(file)) return events_of_journal(bytes, file, options);
    const Snapshot snapshot = decode_snapshot(bytes, file);
    if (run_identity(snapshot.options) == run_identity(options)) return events_of(snapshot);
  } catch (const core::Error&) {
  }
  return std::nullopt;
}

}  // namespace hierevo::io
