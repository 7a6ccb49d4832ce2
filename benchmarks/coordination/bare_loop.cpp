// The least that a search costs: a manager and workers that only exchange messages.
//
//   mpirun -n 3 benchmark_bare_loop COUNT [messages|evolution]
//
// Rank 0 hands out COUNT items, one at a time to each of the other ranks, by blocking calls:
// MPI_Recv from any source, MPI_Send. It keeps nothing on disk and tolerates no failure.
//
//   messages    (default) each message has the size of hierevo's Work or Result, and no content
//   evolution   they are Work and Result: rank 0 breeds a candidate, computes phenotype and cost,
//               and receives its fitness; the workers compute the synthetic fitness, as in a
//               search. What a search takes beyond that is its coordination: processes, journal,
//               waiting.
//
// It prints JSON: `microseconds_per_evaluation` is the wall time from the first message to the last
// divided by COUNT; MPI's blocking calls spin, so that CPU time means nothing. In `evolution` the
// starting population is made before the measured time. It checks that each item came back once.
#include <mpi.h>

#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <span>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "hierevo/comm/communicator.hpp"
#include "hierevo/core/error.hpp"
#include "hierevo/evolution/engine.hpp"
#include "hierevo/genome/plan.hpp"
#include "hierevo/search/builtin_evaluators.hpp"
#include "protocol.hpp"

namespace hierevo {
namespace {

using Bytes = std::vector<std::byte>;

void require(bool holds, const char* problem) {
  if (!holds) throw core::InternalError(problem);
}

/// What the manager sends and receives, and what a worker does with it.
class Task {
 public:
  virtual ~Task() = default;
  virtual Bytes next() = 0;
  virtual void take(std::span<const std::byte> answer) = 0;
  virtual Bytes answer(std::span<const std::byte> item) = 0;
};

search::Work sample_work(evolution::Engine& engine) {
  auto candidate = engine.ask();
  require(candidate.has_value(), "The engine has nothing more to ask");
  return {std::move(*candidate), 1};
}

class MessagesTask final : public Task {
 public:
  explicit MessagesTask(std::uint64_t count) : came_back_(count, false) {
    evolution::Engine engine({.start_mutations = 1});
    const search::Work work = sample_work(engine);
    evolution::Evaluation evaluation;
    evaluation.repeat_fitness = {0.5};
    work_size_ = search::encode(work).size();
    result_size_ = search::encode(search::Result{work.candidate.id, evaluation}).size();
  }

  Bytes next() override { return numbered(next_++, work_size_); }
  Bytes answer(std::span<const std::byte> item) override {
    return numbered(number_of(item), result_size_);
  }
  void take(std::span<const std::byte> answer) override {
    const std::uint64_t number = number_of(answer);
    require(number < came_back_.size() && !came_back_[number], "An item came back twice");
    came_back_[number] = true;
  }

 private:
  static Bytes numbered(std::uint64_t number, std::size_t size) {
    Bytes bytes(size);
    std::memcpy(bytes.data(), &number, sizeof number);
    return bytes;
  }
  static std::uint64_t number_of(std::span<const std::byte> bytes) {
    std::uint64_t number = 0;
    std::memcpy(&number, bytes.data(), sizeof number);
    return number;
  }

  std::size_t work_size_ = 0;
  std::size_t result_size_ = 0;
  std::uint64_t next_ = 0;
  std::vector<bool> came_back_;
};

class EvolutionTask final : public Task {
 public:
  EvolutionTask(std::uint64_t count, bool manages)
      : evaluator_(search::make_synthetic_evaluator({})) {
    evolution::EngineOptions options;
    options.evaluations = options.population + count;
    engine_.emplace(options);
    for (std::size_t i = 0; manages && i < options.population; ++i) take(answer(next()));
  }

  Bytes next() override {
    const search::Work work = sample_work(*engine_);
    const genome::CellGraph cell = genome::assemble(work.candidate.genotype);
    facts_.phenotype = cell.valid() ? phenotype_hash(cell) : 0;
    if (cell.valid())
      facts_.parameters = cost_of(make_plan(cell, {}, genome::PlanNames::omitted), 32).parameters;
    return search::encode(work);
  }
  Bytes answer(std::span<const std::byte> item) override {
    const auto work = std::get<search::Work>(search::decode(item).value());
    const auto evaluation = evaluator_->evaluate(work, [](const auto&) { return true; });
    return search::encode(search::Result{work.candidate.id, evaluation.value()});
  }
  void take(std::span<const std::byte> answer) override {
    auto result = std::get<search::Result>(search::decode(answer).value());
    engine_->tell(result.id, std::move(result.evaluation));  // throws if it came back before
  }

 private:
  std::optional<evolution::Engine> engine_;
  std::unique_ptr<search::Evaluator> evaluator_;
  evolution::Evaluation facts_;  ///< kept so that they are computed
};

void send(const Bytes& bytes, int rank) {
  MPI_Send(bytes.data(), static_cast<int>(bytes.size()), MPI_BYTE, rank, 0, MPI_COMM_WORLD);
}

/// The message and its sender; empty at the end.
std::pair<std::span<const std::byte>, int> receive(Bytes& room) {
  MPI_Status status;
  int size = 0;
  MPI_Recv(room.data(), static_cast<int>(room.size()), MPI_BYTE, MPI_ANY_SOURCE, 0, MPI_COMM_WORLD,
           &status);
  MPI_Get_count(&status, MPI_BYTE, &size);
  return {std::span(room).first(static_cast<std::size_t>(size)), status.MPI_SOURCE};
}

void manage(Task& task, std::uint64_t count, int ranks) {
  Bytes room(comm::longest_message);
  std::uint64_t given = 0;
  for (int rank = 1; rank < ranks && given < count; ++rank, ++given) send(task.next(), rank);
  for (std::uint64_t done = 0; done < count; ++done) {
    const auto [answer, rank] = receive(room);
    task.take(answer);
    if (given++ < count) send(task.next(), rank);
  }
  for (int rank = 1; rank < ranks; ++rank) send({}, rank);
}

void work(Task& task) {
  Bytes room(comm::longest_message);
  while (true) {
    const auto [item, manager] = receive(room);
    if (item.empty()) return;
    send(task.answer(item), manager);
  }
}

std::unique_ptr<Task> make_task(std::string_view kind, std::uint64_t count, bool manages) {
  if (kind == "evolution") return std::make_unique<EvolutionTask>(count, manages);
  return std::make_unique<MessagesTask>(count);
}

void run(std::uint64_t count, std::string_view kind) {
  int rank = 0;
  int ranks = 0;
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  MPI_Comm_size(MPI_COMM_WORLD, &ranks);
  require(ranks > 1, "There is no worker");
  const auto task = make_task(kind, count, rank == 0);
  MPI_Barrier(MPI_COMM_WORLD);
  if (rank != 0) return work(*task);
  const double start = MPI_Wtime();
  manage(*task, count, ranks);
  const double passed = MPI_Wtime() - start;
  const nlohmann::json found = {
      {"kind", kind},
      {"evaluations", count},
      {"workers", ranks - 1},
      {"microseconds_per_evaluation", passed * 1e6 / static_cast<double>(count)}};
  std::cout << found.dump() << '\n';
}

}  // namespace
}  // namespace hierevo

int main(int argc, char** argv) {
  MPI_Init(&argc, &argv);
  const std::string_view kind = argc > 2 ? argv[2] : "messages";
  const std::uint64_t count = argc > 1 ? std::strtoull(argv[1], nullptr, 10) : 0;
  if (count == 0 || (kind != "messages" && kind != "evolution")) {
    std::cerr << "usage: mpirun -n RANKS benchmark_bare_loop COUNT [messages|evolution]\n";
    MPI_Abort(MPI_COMM_WORLD, 2);
  }
  try {
    hierevo::run(count, kind);
  } catch (const std::exception& error) {
    std::cerr << error.what() << '\n';
    MPI_Abort(MPI_COMM_WORLD, 1);
  }
  MPI_Finalize();
  return 0;
}
