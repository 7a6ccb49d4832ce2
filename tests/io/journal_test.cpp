// Journals: what was recorded survives a kill at any byte, and no damage goes unnoticed.
#include "hierevo/io/journal.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <fstream>
#include <functional>
#include <memory>
#include <set>

#include "hierevo/core/bytes.hpp"
#include "hierevo/core/error.hpp"
#include "hierevo/core/file.hpp"
#include "hierevo/core/hash.hpp"
#include "hierevo/core/random.hpp"
#include "hierevo/evolution/codec.hpp"
#include "journal_format.hpp"
#include "support/scratch_folder.hpp"

namespace hierevo::io {
namespace {

using evolution::Engine;
using evolution::EngineState;
using evolution::Evaluation;
using evolution::IndividualId;
using Bytes = std::vector<std::byte>;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

/// A running engine with some workers, whose every step is recorded in a journal.
class Search {
 public:
  explicit Search(const std::filesystem::path& folder, std::uint64_t seed = 1)
      : snapshot_(folder / "search.h5"),
        journal_path_(folder / "journal"),
        engine_({.space = genome::SearchSpace::parse("2x3,1x3"),
                 .population = 5,
                 .evaluations = 1000,
                 .seed = seed,
                 .start_mutations = 20}) {}

  void snapshot() {
    const Snapshot now{engine_.options(), engine_.state(), {}};
    save_snapshot(now, snapshot_);
    journal_ = std::make_unique<Journal>(journal_path_, now);
  }
  /// Tells the engine an evaluation, and writes the journal.
  void step() {
    note();
    journal_->write();
  }
  void note() {
    while (engine_.in_flight_count() < 4) journal_->asked(*engine_.ask());
    const auto in_flight = engine_.in_flight();
    const IndividualId id = in_flight[random_.below(in_flight.size())].id;
    Evaluation evaluation;
    evaluation.fitness = random_.unit();
    evaluation.repeat_fitness = {evaluation.fitness, 0.5};
    evaluation.repeat_loss = {random_.unit()};
    evaluation.phenotype = random_.below(1000);
    evaluation.worker = 3;
    evaluation.reason = "none";
    if (random_.below(4) > 0) evaluation.finished_at = 1e4 * random_.unit();
    if (with_metrics) evaluation.metrics = {{"latency", random_.unit()}, {"task-2/top1", 0.5}};
    engine_.tell(id, evaluation);
    journal_->told(engine_.history().back());
  }
  /// Whether the evaluations from here on have metrics.
  bool with_metrics = false;
  void write() { journal_->write(); }
  EngineState state() const { return engine_.state(); }
  std::optional<LoadedSnapshot> load() const { return load_search(snapshot_, journal_path_); }
  const std::filesystem::path& snapshot_path() const { return snapshot_; }
  const std::filesystem::path& journal_path() const { return journal_path_; }

 private:
  std::filesystem::path snapshot_;
  std::filesystem::path journal_path_;
  core::RandomStream random_{4};
  Engine engine_;
  std::unique_ptr<Journal> journal_;
};

/// Without a sync, as thousands are written.
void put(const std::filesystem::path& path, std::span<const std::byte> bytes) {
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  file.write(reinterpret_cast<const char*>(bytes.data()),
             static_cast<std::streamsize>(bytes.size()));
}

void expect_equal(const EngineState& a, const EngineState& b) {
  EXPECT_EQ(a.history, b.history);
  EXPECT_EQ(a.in_flight, b.in_flight);
}

class JournalTest : public testing::Test {
 protected:
  hierevo::test::ScratchFolder folder_;
  Search search_{folder_.path()};
};

TEST_F(JournalTest, BringsASnapshotToItsLastMoment) {
  EXPECT_FALSE(search_.load().has_value());
  search_.snapshot();
  for (int i = 0; i < 50; ++i) {
    search_.step();
    if (i % 7 == 3) search_.snapshot();
    const auto loaded = search_.load();
    expect_equal(loaded->snapshot.state, search_.state());
    EXPECT_THAT(loaded->warnings, IsEmpty());
  }
}

TEST_F(JournalTest, KeepsMetrics) {
  search_.snapshot();
  for (int i = 0; i < 30; ++i) {
    search_.with_metrics = i % 3 > 0;
    search_.step();
    if (i % 7 == 3) search_.snapshot();
    const auto loaded = search_.load();
    expect_equal(loaded->snapshot.state, search_.state());
    EXPECT_THAT(loaded->warnings, IsEmpty());
  }
  EXPECT_EQ(search_.state().history[1].evaluation.metrics.size(), 2U);
}

TEST_F(JournalTest, AnEarlierSnapshotWithItsJournalsIsAsGood) {
  EngineState at_the_last_snapshot;
  for (int i = 0; i < 5; ++i) {
    search_.snapshot();
    at_the_last_snapshot = search_.state();
    for (int steps = 0; steps < 6; ++steps) search_.step();
  }
  for (const char* damaged : {"", ".1"}) {
    core::replace_file(search_.snapshot_path().string() + damaged, std::string_view("nonsense"));
    expect_equal(search_.load()->snapshot.state, search_.state());
  }
  // Without the newest journal the others lead from the oldest snapshot to the newest.
  std::filesystem::remove(search_.journal_path());
  expect_equal(search_.load()->snapshot.state, at_the_last_snapshot);
}

TEST_F(JournalTest, AReaderNeedsNoLockWhileAnotherProcessWrites) {
  const pid_t writer = ::fork();
  if (writer == 0) {
    Search other(folder_.path());
    for (int i = 0; i < 60; ++i) {
      other.snapshot();
      other.step();
    }
    ::_exit(0);
  }
  int status = 0;
  std::size_t seen = 0;
  while (::waitpid(writer, &status, WNOHANG) == 0) {
    const auto loaded = search_.load();
    if (!loaded) continue;  // there is no snapshot yet
    EXPECT_THAT(loaded->warnings, IsEmpty());
    EXPECT_GE(loaded->snapshot.state.history.size(), seen);
    seen = loaded->snapshot.state.history.size();
  }
  EXPECT_EQ(status, 0);
  EXPECT_THAT(search_.load()->snapshot.state.history, SizeIs(60));
}

TEST_F(JournalTest, CutAnywhereItHasAllWholeRecords) {
  search_.snapshot();
  std::vector<EngineState> states = {search_.state()};
  std::vector<std::uintmax_t> sizes = {std::filesystem::file_size(search_.journal_path())};
  for (int i = 0; i < 6; ++i) {
    search_.step();
    states.push_back(search_.state());
    sizes.push_back(std::filesystem::file_size(search_.journal_path()));
  }
  const std::vector<std::byte> whole = core::read_file(search_.journal_path());
  std::size_t step = states.size() - 1;
  for (std::size_t length = whole.size() + 1; length-- > 0;) {
    while (step > 0 && sizes[step] > length) --step;
    put(search_.journal_path(), std::span(whole).first(length));
    const auto loaded = search_.load();
    EXPECT_THAT(loaded->warnings, IsEmpty()) << length;
    EXPECT_EQ(loaded->snapshot.state.history, states[step].history) << length;
    EXPECT_GE(loaded->snapshot.state.in_flight.size(), length < sizes[1] ? 0U : 3U);
  }
}

TEST_F(JournalTest, DamageIsToldAndNothingBehindItIsUsed) {
  search_.snapshot();
  for (int i = 0; i < 30; ++i) search_.step();
  const auto whole = core::read_file(search_.journal_path());
  const auto history = search_.state().history;
  core::RandomStream random(5);
  for (int i = 0; i < 1000; ++i) {
    auto bytes = whole;
    const std::size_t at = random.below(bytes.size());
    bytes[at] ^= static_cast<std::byte>(1 + random.below(255));
    put(search_.journal_path(), bytes);
    const auto loaded = search_.load();
    const auto& found = loaded->snapshot.state.history;
    ASSERT_LE(found.size(), history.size());
    EXPECT_TRUE(std::equal(found.begin(), found.end(), history.begin())) << at;
    ASSERT_THAT(loaded->warnings, SizeIs(1)) << at;
    const bool first_line = at < 18;
    EXPECT_THAT(loaded->warnings[0],
                HasSubstr(first_line ? "its first line is damaged" : "a record is damaged"));
    EXPECT_EQ(found.size() == history.size(), first_line) << at;
  }
}

/// A journal as its records.
class Parts {
 public:
  explicit Parts(const std::filesystem::path& path) : path_(path), bytes_(core::read_file(path)) {
    Records records(content_of_journal(bytes_, path).records);
    std::size_t begin = bytes_.size() - records.left();
    first_line_ = {bytes_.begin(), bytes_.begin() + static_cast<std::ptrdiff_t>(begin)};
    while (const auto body = records.next()) {
      const std::size_t end = bytes_.size() - records.left();
      whole_.emplace_back(bytes_.begin() + static_cast<std::ptrdiff_t>(begin),
                          bytes_.begin() + static_cast<std::ptrdiff_t>(end));
      bodies_.emplace_back(body->begin(), body->end());
      begin = end;
    }
  }
  std::vector<Bytes>& bodies() { return bodies_; }
  /// The file of unchanged records, in another order or number.
  void write_whole(const std::function<void(std::vector<Bytes>&)>& change) {
    std::vector<Bytes> records = whole_;
    change(records);
    Bytes file = first_line_;
    for (const Bytes& record : records) file.insert(file.end(), record.begin(), record.end());
    core::replace_file(path_, file);
  }
  /// The file of the bodies with valid checksums.
  void write() {
    Bytes file = first_line_;
    RecordWriter records;
    for (const Bytes& body : bodies_) records.append(file, body);
    core::replace_file(path_, file);
  }

 private:
  std::filesystem::path path_;
  Bytes bytes_;
  Bytes first_line_;
  std::vector<Bytes> whole_;
  std::vector<Bytes> bodies_;
};

TEST_F(JournalTest, ARecordThatIsMissingOrMovedIsNoticed) {
  search_.snapshot();
  for (int i = 0; i < 5; ++i) search_.step();
  Parts parts(search_.journal_path());
  const std::size_t count = parts.bodies().size();
  const auto expect_damage = [&](const char* what) {
    const auto loaded = search_.load();
    ASSERT_THAT(loaded->warnings, SizeIs(1)) << what;
    EXPECT_THAT(loaded->warnings[0], HasSubstr("a record is damaged, or one before it"));
  };
  for (std::size_t i = 0; i + 1 < count; ++i) {
    parts.write_whole(
        [&](auto& records) { records.erase(records.begin() + static_cast<std::ptrdiff_t>(i)); });
    expect_damage("dropped");
    parts.write_whole([&](auto& records) { std::swap(records[i], records[i + 1]); });
    expect_damage("swapped");
    parts.write_whole([&](auto& records) {
      records.insert(records.begin() + static_cast<std::ptrdiff_t>(i), records[i]);
    });
    expect_damage("doubled");
  }
}

TEST_F(JournalTest, ARecordThatDoesNotFollowEndsTheJournal) {
  search_.snapshot();
  for (int i = 0; i < 5; ++i) search_.step();
  const Parts parts(search_.journal_path());
  // header; 1, 2, 3, 4 asked; one told; 5 asked; …
  const auto refused = [&](const char* why, const std::function<void(std::vector<Bytes>&)>& edit) {
    Parts copy = parts;
    edit(copy.bodies());
    copy.write();
    const auto loaded = search_.load();
    ASSERT_THAT(loaded->warnings, SizeIs(1));
    EXPECT_THAT(loaded->warnings[0], HasSubstr(why));
    EXPECT_LT(loaded->snapshot.state.history.size(), 5U);
  };
  const char* not_following = "a record does not follow from those before";
  // Other bodies have these at 1: id, 9: parent, 17: seed, 25: known; told 1: id, 9: checksum.
  const auto flipped = [](std::size_t record, std::size_t byte) {
    return [=](std::vector<Bytes>& bodies) { bodies.at(record).at(byte) ^= std::byte{1}; };
  };
  refused(not_following, flipped(6, 1));   // another number
  refused(not_following, flipped(6, 9));   // a parent that does not exist
  refused(not_following, flipped(6, 25));  // made from evaluations that do not exist
  refused(not_following, flipped(5, 1));   // an evaluation of another candidate
  refused(not_following, flipped(5, 9));   // of another genotype
  refused(not_following, flipped(4, 17));  // its evaluations do not fit
  refused(not_following, [](auto& bodies) { bodies.erase(bodies.begin() + 5); });
  refused(not_following, [](auto& bodies) { bodies.insert(bodies.begin() + 6, bodies[0]); });
  refused("does not begin with its header", [](auto& bodies) { bodies.erase(bodies.begin()); });
  refused("it belongs to another run", flipped(0, 1));
}

TEST(RunIdentity, CoversTheObjectivesAndIsOtherwiseThatOfEarlierVersions) {
  evolution::EngineOptions options{.space = genome::SearchSpace::flat()};
  const auto of_fitness = run_identity(options);
  EXPECT_EQ(of_fitness, core::hash_text(options.space.name() + " evolution 200 0.05 1 1000"));
  options.objectives = evolution::objectives_of("fitness,-parameters");
  const auto of_two = run_identity(options);
  EXPECT_NE(of_two, of_fitness);
  options.objectives = evolution::objectives_of("fitness,-macs");
  EXPECT_NE(run_identity(options), of_two);
}

TEST_F(JournalTest, OfAnotherRunOrALaterSnapshotItIsNotUsed) {
  search_.snapshot();
  for (int i = 0; i < 5; ++i) search_.step();
  const auto old_snapshot = core::read_file(search_.snapshot_path());
  {
    const hierevo::test::ScratchFolder folder;
    Search other(folder.path(), 2);
    other.snapshot();
    other.step();
    std::filesystem::copy_file(other.journal_path(), search_.journal_path().string() + ".1");
  }
  auto loaded = search_.load();
  ASSERT_THAT(loaded->warnings, SizeIs(1));
  EXPECT_THAT(loaded->warnings[0], HasSubstr("journal.1': what follows byte 18 is not used "
                                             "(it belongs to another run)"));
  expect_equal(loaded->snapshot.state, search_.state());

  search_.snapshot();
  search_.step();
  core::replace_file(search_.snapshot_path(), old_snapshot);
  std::filesystem::remove(search_.journal_path().string() + ".1");
  std::filesystem::remove(search_.journal_path().string() + ".2");
  loaded = search_.load();
  ASSERT_THAT(loaded->warnings, SizeIs(1));
  EXPECT_THAT(loaded->warnings[0],
              HasSubstr("(it follows 5 evaluations of 8 candidates, but 0 of 0 are known)"));
  EXPECT_THAT(loaded->snapshot.state.history, IsEmpty());
}

TEST_F(JournalTest, ASnapshotThatWasAlteredDoesNotGoWithIt) {
  search_.snapshot();
  for (int i = 0; i < 8; ++i) search_.step();
  const EngineState whole = search_.state();
  const auto refuses = [&](const std::function<void(EngineState&)>& alter) {
    Snapshot altered = search_.load()->snapshot;
    altered.state = whole;
    alter(altered.state);
    save_snapshot(altered, search_.snapshot_path());
    const auto warnings = search_.load()->warnings;
    return warnings.size() == 1 &&
           warnings[0].find("does not follow from those before") != std::string::npos;
  };
  EXPECT_FALSE(refuses([](EngineState&) {}));
  EXPECT_TRUE(refuses([](EngineState& state) { state.history[3].candidate.seed += 1; }));
  EXPECT_TRUE(refuses([](EngineState& state) { state.history[3].evaluation.fitness += 0.01; }));
  EXPECT_TRUE(refuses([](EngineState& state) {
    std::swap(state.history[3].candidate, state.history[4].candidate);
  }));
  EXPECT_TRUE(refuses([](EngineState& state) { state.in_flight.back().seed += 1; }));
}

TEST_F(JournalTest, AReasonIsTheSameFromTheJournalAndFromTheSnapshot) {
  Engine engine({.space = genome::SearchSpace::parse("1x3"), .population = 2});
  Snapshot snapshot{engine.options(), engine.state(), {}};
  save_snapshot(snapshot, search_.snapshot_path());
  Journal journal(search_.journal_path(), snapshot);
  // Bytes that are not UTF-8, and a character cut in two.
  const std::string reason = std::string("\xFF\0", 2) + std::string(4088, 'x') + "€€";
  journal.asked(*engine.ask());
  engine.tell(IndividualId{1}, Evaluation::failure(evolution::Status::failed, reason));
  journal.told(engine.history().back());
  journal.write();
  const auto of_journal = search_.load()->snapshot.state.history.at(0).evaluation.reason;
  snapshot.state = engine.state();
  save_snapshot(snapshot, search_.snapshot_path());
  const auto of_both = search_.load();
  EXPECT_THAT(of_both->warnings, IsEmpty());
  EXPECT_EQ(of_both->snapshot.state.history.at(0).evaluation.reason, of_journal);
  EXPECT_EQ(of_journal, "\uFFFD\uFFFD" + std::string(4088, 'x'));
}

/// The same journal, of evaluations without metrics, as an earlier version had it: its evaluations
/// have so many bytes less.
Bytes of_version(std::string_view first_line, std::size_t bytes_less, const Bytes& journal) {
  Bytes earlier;
  for (const char letter : first_line) earlier.push_back(std::byte(letter));
  Records records{std::span<const std::byte>(journal).subspan(journal_first_line.size())};
  RecordWriter writer;
  while (auto body = records.next()) {
    const bool told = body->front() == std::byte{static_cast<std::uint8_t>(RecordKind::told)};
    writer.append(earlier, told ? body->first(body->size() - bytes_less) : *body);
  }
  return earlier;
}

constexpr std::size_t no_metrics = sizeof(std::uint32_t);

TEST_F(JournalTest, OfVersion4ItHasNoMetrics) {
  search_.snapshot();
  for (int i = 0; i < 10; ++i) search_.step();
  put(search_.journal_path(),
      of_version(journal_first_line_4, no_metrics, core::read_file(search_.journal_path())));
  const auto loaded = search_.load();
  EXPECT_THAT(loaded->warnings, IsEmpty());
  expect_equal(loaded->snapshot.state, search_.state());
}

TEST_F(JournalTest, OfVersion3ItHasNoTimes) {
  search_.snapshot();
  for (int i = 0; i < 10; ++i) search_.step();
  EngineState expected = search_.state();
  put(search_.journal_path(), of_version(journal_first_line_3, sizeof(double) + no_metrics,
                                         core::read_file(search_.journal_path())));
  const auto loaded = search_.load();
  EXPECT_THAT(loaded->warnings, IsEmpty());
  for (auto& individual : expected.history) individual.evaluation.finished_at.reset();
  expect_equal(loaded->snapshot.state, expected);
}

TEST_F(JournalTest, ADigestWithoutMetricsIsThatOfEarlierVersions) {
  search_.snapshot();
  for (int i = 0; i < 6; ++i) search_.step();
  const EngineState state = search_.state();
  std::uint64_t expected = 6;
  for (const auto& [candidate, evaluation] : state.history) {
    core::ByteWriter bytes;
    evolution::write(bytes, candidate);
    evolution::write(bytes, evaluation);
    expected = core::combine(expected, core::crc32c(bytes.take()));
  }
  EXPECT_EQ(digest_of(state.history, {}, 6, 6), expected);
}

TEST_F(JournalTest, ADigestCoversMetrics) {
  search_.snapshot();
  search_.with_metrics = true;
  for (int i = 0; i < 6; ++i) search_.step();
  EngineState state = search_.state();
  const auto before = digest_of(state.history, {}, 6, 6);
  state.history[2].evaluation.metrics["latency"] += 1.0;
  EXPECT_NE(digest_of(state.history, {}, 6, 6), before);
}

TEST_F(JournalTest, OfAnotherVersionOrWithoutASnapshotItIsRefused) {
  search_.snapshot();
  const auto refusal = [&]() -> std::string {
    try {
      search_.load();
      return "accepted";
    } catch (const core::CheckpointError& error) {
      return error.what();
    }
  };
  const auto good = core::read_file(search_.journal_path());
  core::replace_file(search_.journal_path(), std::string_view("hierevo journal 6\nsomething else"));
  EXPECT_THAT(refusal(), HasSubstr("it was written by a newer hierevo"));
  core::replace_file(search_.journal_path(), std::string_view("hierevo journal 1\n"));
  EXPECT_THAT(refusal(), HasSubstr("it is a journal of version 1 (this hierevo reads versions 2"));
  core::replace_file(search_.journal_path(), good);
  EXPECT_EQ(refusal(), "accepted");
  std::filesystem::remove(search_.snapshot_path());
  EXPECT_THAT(refusal(), HasSubstr("there is a journal but no snapshot"));
}

TEST_F(JournalTest, WhatAFullDiskDidNotTakeIsWrittenLater) {
  const pid_t child = ::fork();
  if (child == 0) {
    std::signal(SIGXFSZ, SIG_IGN);
    rlimit limit{};
    ::getrlimit(RLIMIT_FSIZE, &limit);
    const rlimit little{8192, limit.rlim_max};
    search_.snapshot();
    ::setrlimit(RLIMIT_FSIZE, &little);
    int failed = 0;
    while (failed < 20) {
      try {
        search_.step();
      } catch (const core::IoError& error) {
        if (error.system_error() != EFBIG) ::_exit(1);
        ++failed;
      }
    }
    if (!search_.load()->warnings.empty()) ::_exit(2);
    if (search_.load()->snapshot.state.history.size() + 20 != search_.state().history.size()) {
      ::_exit(3);
    }
    ::setrlimit(RLIMIT_FSIZE, &limit);
    search_.write();
    expect_equal(search_.load()->snapshot.state, search_.state());
    ::_exit(testing::Test::HasFailure() ? 4 : 0);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  EXPECT_EQ(status, 0);
  const auto loaded = search_.load();
  EXPECT_THAT(loaded->warnings, IsEmpty());
  EXPECT_GT(loaded->snapshot.state.history.size(), 30U);
}

}  // namespace
}  // namespace hierevo::io
