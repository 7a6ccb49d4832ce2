// Journals of valid records, in any order and with any content.
#include "hierevo/io/journal.hpp"

#include <map>
#include <optional>

#include "hierevo/core/bytes.hpp"
#include "hierevo/evolution/codec.hpp"
#include "run_folder.hpp"

namespace {

using namespace hierevo;
using evolution::IndividualId;

/// Instead of a number of evaluations.
constexpr std::uint8_t none = 255;

/// Genes that fit the space, whatever the input says.
genome::Genotype any_genotype(core::ByteReader& in) {
  const genome::SearchSpace space = io::test::golden_snapshot().options.space;
  genome::Genotype genotype(space);
  std::vector<genome::Gene> genes(genotype.genes().begin(), genotype.genes().end());
  for (genome::Gene& gene : genes) gene = in.u8() % 3;
  return {space, std::move(genes)};
}

evolution::Candidate any_candidate(core::ByteReader& in) {
  const IndividualId id{in.u8()};
  const std::uint64_t parent = in.u8();
  const std::uint64_t seed = in.u64();
  const std::uint64_t known = in.u8();
  evolution::Candidate candidate{id, std::nullopt, seed, any_genotype(in)};
  if (parent != 0) candidate.parent = IndividualId{parent};
  if (known != none) candidate.known = known;
  return candidate;
}

evolution::Evaluation any_evaluation(core::ByteReader& in) {
  evolution::Evaluation evaluation;
  evaluation.status = static_cast<evolution::Status>(in.u8() % evolution::status_count);
  evaluation.fitness = in.f64();
  evaluation.repeat_fitness = std::vector<double>(in.u8() % 4, in.f64());
  evaluation.repeat_loss = std::vector<double>(in.u8() % 4, in.f64());
  evaluation.seconds = in.f64();
  evaluation.worker = static_cast<int>(in.u32());
  evaluation.reason = in.text(64);
  for (int metrics = in.u8() % 3; metrics > 0; --metrics) {
    std::string name = in.text(8);
    evaluation.metrics.insert_or_assign(std::move(name), in.f64());
  }
  return evaluation;
}

void write_journal(core::ByteReader in, const std::filesystem::path& path) {
  static const io::Snapshot golden = io::test::golden_snapshot();
  std::map<IndividualId, evolution::Candidate> asked;
  for (const auto& candidate : golden.state.in_flight) asked.emplace(candidate.id, candidate);
  io::Journal journal(path, golden);
  for (int records = 0; records < 16 && in.ok() && !in.at_end(); ++records) {
    if (in.u8() % 2 == 0) {
      const evolution::Candidate candidate = any_candidate(in);
      asked.insert_or_assign(candidate.id, candidate);
      journal.asked(candidate);
    } else {
      const IndividualId id{in.u8()};
      const auto found = asked.find(id);
      journal.told({found == asked.end() ? any_candidate(in) : found->second, any_evaluation(in)});
    }
  }
  journal.write();
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const fuzz::RunFolder folder;
  std::filesystem::remove(folder.journal());
  write_journal(core::ByteReader(fuzz::bytes_of(data, size)), folder.journal());
  folder.check();
  return 0;
}
