// Random genotypes: every one is assembled, hashed and costed, whatever it is, and the results are
// checked. It measures times and shows that nothing crashes.
//
//   usage: benchmark_genome [SPACE [COUNT [BYTES]]]      (hierarchical, 10000, 16 GiB)
//
// Prints JSON:
//   invalid            genotypes whose source does not reach the sink
//   distinct           different phenotypes among the valid ones
//   over_bytes         valid ones that keep more than BYTES in a training step of the small network
//                      with the paper's batch, 256 images of 24×24
//   over_parameters    valid ones above a limit of parameters in the small network
//   largest_*          the largest of all, which saturate at 64 bits
//   random_us, assemble_us, phenotype_us, cost_us
//                      mean time per genotype, in microseconds: 1000 mutations, assembly, hash, and
//                      plan with cost; slowest_phenotype_us is the longest of all
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <exception>
#include <iostream>
#include <nlohmann/json.hpp>
#include <string>
#include <unordered_set>
#include <vector>

#include "hierevo/core/error.hpp"
#include "hierevo/genome/mutation.hpp"
#include "hierevo/genome/plan.hpp"

namespace {

using namespace hierevo;
using Clock = std::chrono::steady_clock;
using Microseconds = std::chrono::duration<double, std::micro>;

/// Adds the time of `call` to `total`; returns its result.
template <typename Call>
auto timed(Microseconds& total, Call&& call) {
  const auto start = Clock::now();
  auto result = call();
  total += Clock::now() - start;
  return result;
}

class Census {
 public:
  explicit Census(std::int64_t bytes) : bytes_(bytes) {}

  void look_at(const genome::SearchSpace& space, core::RandomStream& random) {
    const auto genotype =
        timed(random_time_, [&] { return genome::random_genotype(space, random); });
    const auto cell = timed(assemble_time_, [&] { return genome::assemble(genotype); });
    Microseconds hashing{};
    const std::uint64_t phenotype = timed(hashing, [&] { return phenotype_hash(cell); });
    phenotype_time_ += hashing;
    slowest_phenotype_ = std::max(slowest_phenotype_, hashing);
    ++count_;
    require(cell.valid() == (phenotype != 0), "only invalid cells have phenotype 0");
    if (!cell.valid()) {
      ++invalid_;
      return;
    }
    phenotypes_.insert(phenotype);
    largest_cell_ = std::max(largest_cell_, cell.nodes.size());
    add(timed(cost_time_, [&] { return cost_of(make_plan(cell, {}), 24); }));
  }

  nlohmann::json report() const {
    nlohmann::json over_parameters;
    for (std::size_t i = 0; i < bounds_.size(); ++i) {
      over_parameters[std::to_string(bounds_[i])] = over_[i];
    }
    const auto mean = [this](Microseconds total) { return total.count() / count_; };
    return {{"count", static_cast<std::int64_t>(count_)},
            {"invalid", invalid_},
            {"distinct", phenotypes_.size()},
            {"over_bytes", over_bytes_},
            {"over_parameters", over_parameters},
            {"largest_operations", largest_cell_},
            {"largest_parameters", largest_.parameters},
            {"largest_macs", largest_.macs},
            {"largest_activation_bytes", largest_.activation_bytes},
            {"random_us", mean(random_time_)},
            {"assemble_us", mean(assemble_time_)},
            {"phenotype_us", mean(phenotype_time_)},
            {"slowest_phenotype_us", slowest_phenotype_.count()},
            {"cost_us", mean(cost_time_)}};
  }

 private:
  static void require(bool holds, std::string_view what) {
    if (!holds) throw core::InternalError(fmt::format("Not so: {}", what));
  }

  void add(const genome::Cost& cost) {
    constexpr std::int64_t batch = 256;
    require(cost.parameters > 0 && cost.macs > 0 && cost.activation_bytes > 0, "a cell costs");
    over_bytes_ += cost.activation_bytes > bytes_ / batch ? 1 : 0;
    for (std::size_t i = 0; i < bounds_.size(); ++i) {
      over_[i] += cost.parameters > bounds_[i] ? 1 : 0;
    }
    largest_.parameters = std::max(largest_.parameters, cost.parameters);
    largest_.macs = std::max(largest_.macs, cost.macs);
    largest_.activation_bytes = std::max(largest_.activation_bytes, cost.activation_bytes);
  }

  std::int64_t bytes_;
  std::vector<std::int64_t> bounds_ = {1'000'000, 10'000'000, 100'000'000, 1'000'000'000};
  std::vector<std::int64_t> over_ = std::vector<std::int64_t>(4, 0);
  double count_ = 0.0;
  std::int64_t invalid_ = 0;
  std::int64_t over_bytes_ = 0;
  std::size_t largest_cell_ = 0;
  genome::Cost largest_;
  std::unordered_set<std::uint64_t> phenotypes_;
  Microseconds random_time_{};
  Microseconds assemble_time_{};
  Microseconds phenotype_time_{};
  Microseconds slowest_phenotype_{};
  Microseconds cost_time_{};
};

}  // namespace

int main(int argc, char** argv) try {
  const auto space = genome::SearchSpace::parse(argc > 1 ? argv[1] : "hierarchical");
  const long count = argc > 2 ? std::stol(argv[2]) : 10'000;
  Census census(argc > 3 ? std::stoll(argv[3]) : std::int64_t{16} << 30);
  if (count < 1) throw core::UsageError("COUNT must be at least 1");
  core::RandomStream random(1);
  for (long n = 0; n < count; ++n) census.look_at(space, random);
  nlohmann::json report = census.report();
  report["space"] = space.name();
  std::cout << report.dump(2) << '\n';
  return 0;
} catch (const std::exception& error) {
  std::cerr << error.what() << '\n';
  return 1;
}
