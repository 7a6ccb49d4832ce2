// write_corpus FOLDER: makes the first inputs of all targets, FOLDER/TARGET/NAME, from what the
// project itself writes. Existing files of other names, such as those of findings, stay.
#include <exception>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>
#include <vector>

#include "data/idx_files.hpp"
#include "hierevo/core/bytes.hpp"
#include "hierevo/core/error.hpp"
#include "hierevo/core/random.hpp"
#include "hierevo/genome/codec.hpp"
#include "hierevo/genome/mutation.hpp"
#include "hierevo/io/journal.hpp"
#include "io/samples.hpp"
#include "search/sample_messages.hpp"
#include "search_options.hpp"
#include "supervisor_protocol.hpp"
#include "support/scratch_folder.hpp"

namespace {

using namespace hierevo;
using evolution::IndividualId;

/// The inputs of one target.
class Corpus {
 public:
  Corpus(const std::filesystem::path& folder, const std::string& target)
      : folder_(folder / target) {
    std::filesystem::create_directories(folder_);
  }

  void add(const std::string& name, std::span<const std::byte> bytes) const {
    std::ofstream file(folder_ / name, std::ios::binary);
    file.write(reinterpret_cast<const char*>(bytes.data()), std::ssize(bytes));
    if (!file.flush()) throw core::UsageError("A file of the corpus cannot be written");
  }
  void add(const std::string& name, std::string_view text) const {
    add(name, std::as_bytes(std::span(text.data(), text.size())));
  }

 private:
  std::filesystem::path folder_;
};

genome::Genotype sample_genotype(const char* space, std::uint64_t seed) {
  core::RandomStream random(seed);
  return genome::random_genotype(genome::SearchSpace::parse(space), random, 100);
}

void write_evaluator_messages(const Corpus& corpus) {
  corpus.add("hello",
             R"({"type": "hello", "protocol": 1, "name": "n", "fields": ["genotype", "cell"]})");
  corpus.add("progress",
             R"({"type": "progress", "id": 7, "repeat": 1, "step": 3, "steps": 9, "loss": 0.5,)"
             R"( "earlier_seconds": 60.5})");
  corpus.add(
      "result",
      R"({"type": "result", "id": 7, "fitness": 0.5, "values": [0.4, 0.6], "loss": [1, NaN],)"
      R"( "seconds": 2.5, "metrics": {"latency": 0.25, "a/b": -1e300}})");
  corpus.add("failure",
             R"({"type": "failure", "id": 7, "kind": "out_of_memory", "reason": "why"})");
  corpus.add("stopped", R"({"type": "stopped", "id": 18446744073709551615})");
  corpus.add("last_line", "50%\r\x1b[2K{\"fitness\": -Infinity, \"x\": \"\\\"NaN\"}\n");
}

void write_genotypes(const Corpus& corpus) {
  for (const char* space : {"hierarchical", "flat", "2x3,1x3", "1x2", "1x2,3x3,1x2"}) {
    corpus.add(space, genome::json_text(sample_genotype(space, 1)));
  }
  corpus.add("indented", genome::to_json(sample_genotype("2x3,1x3", 2)).dump(1));
}

evolution::Evaluation sample_evaluation(evolution::Status status) {
  evolution::Evaluation evaluation;
  evaluation.status = status;
  evaluation.seconds = 12.5;
  if (evolution::is_failure(status)) {
    evaluation.reason = "signal 11 ∞";
  } else {
    evaluation.fitness = 0.75;
    evaluation.repeat_fitness = {0.5, 1.0};
    evaluation.repeat_loss = {0.25, 0.125};
    evaluation.parameters = 542'138;
    evaluation.macs = 7;
    evaluation.phenotype = 12345;
    evaluation.worker = 3;
    evaluation.metrics = {{"device/latency", 0.5}};
  }
  return evaluation;
}

void write_messages(const Corpus& corpus) {
  for (const auto& [name, message] : search::sample_messages()) {
    corpus.add(name, search::encode(message));
  }
}

void write_supervision(const Corpus& corpus) {
  using namespace process::detail;
  using process::ProcessId;
  StartRequest start{ProcessId{3}, {{"/bin/evaluator", "evaluator"}, {"A=1"}, 1 << 30, {0, 5}}};
  corpus.add("start", encode(SupervisorRequest(start)));
  start.spec = {{"/bin/true"}, {}, std::nullopt, {}};
  corpus.add("start_plainly", encode(SupervisorRequest(start)));
  corpus.add("kill", encode(SupervisorRequest(KillRequest{ProcessId{3}})));
  corpus.add("end", encode(process::ProcessEnd{ProcessId{3}, {}, -1}));
}

void write_options(const Corpus& corpus) {
  app::SearchCommandOptions command;
  app::OptionSet options("", "");
  command.add_to(options);
  const std::string record = options.record();
  corpus.add("defaults", record);
  // One file per option is small enough to be changed everywhere.
  std::string line;
  for (std::istringstream lines(record); std::getline(lines, line);) {
    corpus.add(line.substr(0, line.find('=')), line + "\n");
  }
  corpus.add("comments", "# nothing\n\nspace = flat # as the paper's\nseed=7\n");
  corpus.add("quoted", R"(command="./a.sh '#1' \"x y\"\n\\"  # quoted)"
                       "\ndataset=\"/a b\"\n");
  corpus.add("byte_order_mark", "\xEF\xBB\xBFseed=7\r\n");
  corpus.add("paths", "dataset=a/b.h5\ndata-dir=.\ndump-config=1\n");
}

/// The events of a search that resumes from the golden snapshot.
template <typename Asked, typename Told>
void go_on(int evaluations, Asked asked, Told told) {
  const io::Snapshot golden = io::test::golden_snapshot();
  evolution::Engine engine(golden.options, golden.state);
  for (int i = 0; i < evaluations; ++i) {
    const auto candidate = engine.ask();
    asked(*candidate);
    const auto evaluation = sample_evaluation(i % 2 == 0 ? evolution::Status::evaluated
                                                         : evolution::Status::out_of_memory);
    engine.tell(candidate->id, evaluation);
    told(engine.history().back());
  }
}

void write_journals(const Corpus& corpus) {
  const test::ScratchFolder folder;
  const auto path = folder.path() / "journal";
  for (const int evaluations : {0, 1, 4}) {
    io::Journal journal(path, io::test::golden_snapshot());
    go_on(
        evaluations, [&](const auto& candidate) { journal.asked(candidate); },
        [&](const auto& individual) { journal.told(individual); });
    journal.write();
    std::ifstream file(path, std::ios::binary);
    corpus.add(std::to_string(evaluations) + "_evaluations",
               std::string(std::istreambuf_iterator<char>(file), {}));
  }
}

/// The input of the target journal for the same events.
void write_journal_records(const Corpus& corpus) {
  for (const int evaluations : {1, 2, 6}) {
    core::ByteWriter out;
    go_on(
        evaluations,
        [&](const evolution::Candidate& candidate) {
          out.u8(0);
          out.u8(static_cast<std::uint8_t>(number(candidate.id)));
          out.u8(static_cast<std::uint8_t>(candidate.parent ? number(*candidate.parent) : 0));
          out.u64(candidate.seed);
          out.u8(static_cast<std::uint8_t>(candidate.known.value_or(255)));
          for (const genome::Gene gene : candidate.genotype.genes()) out.u8(gene);
        },
        [&](const evolution::Individual& individual) {
          const evolution::Evaluation& evaluation = individual.evaluation;
          out.u8(1);
          out.u8(static_cast<std::uint8_t>(number(individual.candidate.id)));
          out.u8(static_cast<std::uint8_t>(evaluation.status));
          out.f64(evaluation.fitness);
          out.u8(2);
          out.f64(0.5);
          out.u8(1);
          out.f64(1.5);
          out.f64(evaluation.seconds);
          out.u32(static_cast<std::uint32_t>(evaluation.worker));
          out.text(evaluation.reason);
        });
    corpus.add(std::to_string(evaluations) + "_evaluations", out.take());
  }
}

/// Edits of HDF5 files: any bytes are valid.
void write_edits(const Corpus& corpus) {
  core::RandomStream random(1);
  for (int i = 0; i < 30; ++i) {
    core::ByteWriter out;
    for (std::uint64_t left = 8 + random.below(24); left > 0; --left) {
      out.u8(static_cast<std::uint8_t>(random.below(2) == 0 ? random.below(32) : random()));
    }
    corpus.add("edits_" + std::to_string(i), out.take());
  }
  corpus.add("none", "");
}

void write_snapshots(const Corpus& corpus) {
  const std::vector<std::byte> file = io::encode_snapshot(io::test::golden_snapshot());
  // Text blocks, with a little after them: only the checksum looks at the rest.
  for (const std::size_t length : {0U, 10U, 40U, 512U, 600U}) {
    corpus.add("first_" + std::to_string(length), std::span(file).first(length));
  }
}

/// Unchanged image shards; a byte chooses which are read and how.
void write_unedited_shards(const Corpus& corpus) {
  for (char choice = 0; choice < 8; ++choice) {
    corpus.add("unedited_" + std::to_string(choice), std::string_view(&choice, 1));
  }
}

void write_idx(const Corpus& corpus) {
  test::Bytes values;
  for (std::uint8_t i = 0; i < 60; ++i) values.push_back(i % 10);
  const auto add = [&](const std::string& name, const test::Bytes& file) {
    const test::Bytes packed = test::gzipped(file);
    corpus.add(name, std::as_bytes(std::span(file)));
    corpus.add(name + ".gz", std::as_bytes(std::span(packed)));
  };
  add("labels", test::idx_bytes(0x801, {60}, values));
  add("images", test::idx_bytes(0x803, {3, 4, 5}, values));
  add("pixel", test::idx_bytes(0x803, {1, 1, 1}, {255}));
  add("announced", test::idx_bytes(0x803, {60'000, 28, 28}, values));
  add("huge", test::idx_bytes(0x803, {0xffffffff, 0xffffffff, 0xffffffff}, values));
}

/// Labels of three images and, after a zero byte, synsets.
void write_cifar(const Corpus& corpus) {
  const auto file = [](const std::string& bytes) {
    std::string text;
    for (int i = 0; i < 3; ++i) text += static_cast<char>(bytes.size() >> (8 * i));
    return text + bytes;
  };
  const auto record = [](const std::string& labels) { return labels + std::string(3072, '\x7f'); };
  std::string ten(1, '\0');  // CIFAR-10, a record in each file
  for (char label = 0; label < 5; ++label) ten += file(record({label}));
  ten += file(record("\x09"));
  std::string names;
  for (int i = 0; i < 10; ++i) names += std::to_string(i) + "\r\n";
  corpus.add("cifar10", ten);
  corpus.add("names", ten + file(names));
  corpus.add("few_names", ten + file("cat\n"));
  const std::string hundred = "\x01" + file(record("\x13\x63"));  // CIFAR-100
  corpus.add("cifar100", hundred + file(record({0, 20})));
  corpus.add("label", hundred + file(record("\x14\x01")));
  corpus.add("short", hundred + file("\x01"));
}

void write_validation_labels(const Corpus& corpus) {
  using namespace std::string_view_literals;
  corpus.add("names", "n02\nn01\n7\n"sv);
  corpus.add("numbers", "3\n2\n1\n\0n02 a\nn01 b, c\n7\n"sv);
  corpus.add("numbers_from_zero", "2\r\n0\r\n1\0n02 1 a\r\nn01 2 b\r\n7 3 c"sv);
  corpus.add("by_name", "val_3.JPEG n02\nval_1.JPEG n01\nval_2.JPEG 7\n"sv);
  corpus.add("quoted", "\xef\xbb\xbf\"val_3\";\"n02\"\r\nval_1,n01\r\"val_2.jpg\";7\n"sv);
  corpus.add("by_name_numbers", "val_3.JPEG 2\nval_1.JPEG 1\nval_2.JPEG 0\n\0n01\nn02\n7\n"sv);
  corpus.add("solution",
             "ImageId,PredictionString\nval_2,n01 1 2 3 4 \nval_3,n02 1 2 3 4 n02 5 6 7 8\n"
             "val_1,n02 1 2 3 4\n"sv);
}

}  // namespace

int main(int argc, char** argv) try {
  if (argc != 2) throw core::UsageError("One argument is needed, a folder");
  write_genotypes(Corpus(argv[1], "genotype"));
  write_evaluator_messages(Corpus(argv[1], "evaluator_message"));
  write_messages(Corpus(argv[1], "message"));
  write_supervision(Corpus(argv[1], "supervisor"));
  write_options(Corpus(argv[1], "ini"));
  write_journals(Corpus(argv[1], "journal_bytes"));
  write_journal_records(Corpus(argv[1], "journal"));
  write_edits(Corpus(argv[1], "snapshot"));
  write_edits(Corpus(argv[1], "training"));
  write_edits(Corpus(argv[1], "data_pack"));
  write_edits(Corpus(argv[1], "image_shards"));
  write_unedited_shards(Corpus(argv[1], "image_shards"));
  write_snapshots(Corpus(argv[1], "snapshot_bytes"));
  write_idx(Corpus(argv[1], "idx"));
  write_cifar(Corpus(argv[1], "cifar"));
  write_validation_labels(Corpus(argv[1], "validation_labels"));
  return 0;
} catch (const std::exception& error) {
  std::cerr << error.what() << '\n';
  return 1;
}
