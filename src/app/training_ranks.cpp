#include "training_ranks.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cstdint>
#include <utility>
#include <vector>

#include "hierevo/comm/agreement.hpp"
#include "hierevo/comm/mpi_collectives.hpp"
#include "hierevo/comm/mpi_session.hpp"
#include "hierevo/comm/self_collectives.hpp"
#include "hierevo/core/error.hpp"
#include "hierevo/core/hash.hpp"
#include "hierevo/core/host_name.hpp"
#include "hierevo/core/log.hpp"
#include "hierevo/core/version.hpp"
#include "preflight.hpp"
#include "program.hpp"

namespace hierevo::app {

namespace {

int work_in(comm::Collectives& ranks, const SlurmJob& job, const std::exception_ptr& problem,
            const std::function<int(comm::Collectives& ranks)>& work) {
  comm::all_or_throw(ranks, [&] {
    if (problem) std::rethrow_exception(problem);
    check_ranks(job, comm::MpiSession::launched_by_mpi(), ranks.size());
  });
  comm::require_equal(ranks, core::hash_text(core::build_facts()), "program");
  return work(ranks);
}

int with_mpi(std::chrono::nanoseconds timeout, const SlurmJob& job,
             const std::exception_ptr& problem,
             const std::function<int(comm::Collectives& ranks)>& work) {
  const comm::MpiSession session(comm::MpiThreads::serialized);
  comm::MpiCollectives ranks(timeout);
  const std::string name = fmt::format("rank {}", ranks.rank());
  core::configure_log(core::LogLevel::info, name);
  bool common = false;
  const int code = guarded(
      [&] {
        try {
          return work_in(ranks, job, problem, work);
        } catch (const comm::AgreedError& error) {
          common = true;
          if (ranks.rank() == 0) return guarded([]() -> int { throw; });
          return static_cast<int>(error.exit_code());
        }
      },
      ranks.size() > 1 ? name : "");
  // The others would wait for this rank.
  if (code != 0 && !common && ranks.size() > 1) comm::MpiSession::abort(code);
  return code;
}

}  // namespace

int in_training_ranks(std::chrono::nanoseconds timeout, const std::exception_ptr& problem,
                      const std::function<int(comm::Collectives& ranks)>& work) {
  const SlurmJob job = SlurmJob::here();
  if (comm::MpiSession::launched_by_mpi()) return with_mpi(timeout, job, problem, work);
  comm::SelfCollectives alone;
  // Tasks that do not know of each other all refuse, and one reports why.
  if (job.step_tasks > 1 && job.rank > 0) return static_cast<int>(core::ExitCode::usage);
  if (!problem) check_launch(job, /*by_mpi=*/false, /*alone_on_purpose=*/false, "srun -n 1");
  return work_in(alone, job, problem, work);
}

std::vector<std::string> places_of(comm::Collectives& ranks, const std::string& means) {
  auto places = comm::gather_texts(ranks, fmt::format("{}, with {}", core::host_name(), means));
  return ranks.rank() == 0 ? std::move(places) : std::vector<std::string>();
}

int own_cores(comm::Collectives& ranks, const std::vector<int>& cores) {
  const std::uint64_t set = core::hash_text(fmt::format("{}", fmt::join(cores, " ")));
  const std::string own = fmt::format("{} {}", core::host_name(), set);
  const auto all = comm::gather_texts(ranks, own);
  const auto sharing = static_cast<int>(std::count(all.begin(), all.end(), own));
  return std::max(1, static_cast<int>(cores.size()) / std::max(1, sharing));
}

int loader_threads_beside_gpu(int own_cores) {
  return std::max(1, own_cores - 1);
}

}  // namespace hierevo::app
