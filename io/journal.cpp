#include "hierevo/io/journal.hpp"

#include <span>
#include <utility>
#include <vector>

#include "hierevo/core/append_file.hpp"
#include "hierevo/core/bytes.hpp"
#include "hierevo/core/file.hpp"
#include "hierevo/evolution/codec.hpp"
#include "journal_format.hpp"
#include "snapshot_files.hpp"
#include "utf8.hpp"

namespace hierevo::io {

namespace fs = std::filesystem;

namespace {

/// `path`, freed: what was there and before has moved to the next name.
const fs::path& made_free(const fs::path& path) {
  const auto [newest, earlier, earliest] = kept_names(path);
  if (core::path_exists(earlier)) rename_file(earlier, earliest);
  if (core::path_exists(newest)) rename_file(newest, earlier);
  return path;
}

}  // namespace

struct Journal::Impl {
  explicit Impl(const fs::path& path) : file(made_free(path)) {}

  template <typename Write>
  void note(RecordKind kind, Write&& write_rest) {
    core::ByteWriter body;
    body.u8(static_cast<std::uint8_t>(kind));
    write_rest(body);
    records.append(pending, body.take());
  }

  core::AppendFile file;
  RecordWriter records;
  std::vector<std::byte> pending;
};

Journal::Journal(const fs::path& path, const Snapshot& follows)
    : impl_(std::make_unique<Impl>(path)) {
  const auto line = std::as_bytes(std::span(journal_first_line));
  impl_->pending.assign(line.begin(), line.end());
  const auto header = JournalHeader::of(follows);
  impl_->note(RecordKind::begun, [&](core::ByteWriter& out) { io::write(out, header); });
  write();
  core::sync_folder_of(path);
}

Journal::~Journal() = default;

void Journal::asked(const evolution::Candidate& candidate) {
  impl_->note(RecordKind::asked, [&](core::ByteWriter& out) { evolution::write(out, candidate); });
}

void Journal::told(const evolution::Individual& individual) {
  evolution::Evaluation evaluation = individual.evaluation;
  evaluation.reason = stored_reason(evaluation.reason);
  impl_->note(RecordKind::told, [&](core::ByteWriter& out) {
    out.u64(number(individual.candidate.id));
    out.u32(checksum_of(individual.candidate));
    write_told(out, evaluation);
  });
}

bool Journal::is_in_place() const {
  return impl_->file.is_in_place();
}

void Journal::write() {
  if (impl_->pending.empty()) return;
  impl_->file.append(impl_->pending);
  impl_->pending.clear();
}

}  // namespace hierevo::io
