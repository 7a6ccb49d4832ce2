#include "hierevo/comm/mpi_collectives.hpp"

#include <fmt/format.h>
#include <mpi.h>

#include <utility>

#include "backoff.hpp"
#include "hierevo/core/error.hpp"
#include "mpi_check.hpp"
#include "mpi_driver.hpp"
#include "patience.hpp"

namespace hierevo::comm {

namespace {

using detail::MpiDriver;

int rank_in_world() {
  int rank = -1;
  HIEREVO_MPI_CHECK(MPI_Comm_rank(MPI_COMM_WORLD, &rank));
  return rank;
}

MPI_Comm duplicate_world(detail::Patience& patience) {
  // MPI writes it when the call ends, which may be after this function has given up.
  auto* const comm = new MPI_Comm(MPI_COMM_NULL);
  MPI_Request request = MPI_REQUEST_NULL;
  HIEREVO_MPI_CHECK(MPI_Comm_idup(MPI_COMM_WORLD, comm, &request));
  detail::Backoff backoff;
  int ended = 0;
  while (true) {
    HIEREVO_MPI_CHECK(MPI_Test(&request, &ended, MPI_STATUS_IGNORE));
    if (ended != 0) break;
    if (patience.spent()) {
      throw core::CommunicationError(rank_in_world(),
                                     "the group of ranks does not come together in time",
                                     "another rank has ended, stands still or does something else");
    }
    backoff.pause(patience.end());
  }
  const MPI_Comm duplicate = *comm;
  delete comm;
  HIEREVO_MPI_CHECK(MPI_Comm_set_errhandler(duplicate, MPI_ERRORS_RETURN));
  return duplicate;
}

class Started final : public Pending::Operation {
 public:
  Started(std::shared_ptr<MpiDriver> driver, std::shared_ptr<detail::MpiJob> job)
      : driver_(std::move(driver)), job_(std::move(job)) {}

  bool done() override { return driver_->ended(*job_); }
  void wait() override { driver_->wait(*job_); }

 private:
  const std::shared_ptr<MpiDriver> driver_;
  const std::shared_ptr<detail::MpiJob> job_;
};

}  // namespace

MpiCollectives::MpiCollectives(std::chrono::nanoseconds timeout) {
  detail::require_mpi("A group of MPI's ranks");
  detail::require_mpi_for_threads("A group of MPI's ranks");
  detail::Patience patience(timeout);
  detail::MpiChannels channels;
  channels.first = duplicate_world(patience);
  channels.second = duplicate_world(patience);
  HIEREVO_MPI_CHECK(MPI_Comm_rank(channels.first, &channels.rank));
  HIEREVO_MPI_CHECK(MPI_Comm_size(channels.first, &channels.size));
  driver_ = std::make_shared<MpiDriver>(channels, timeout);
  driver_->start_thread();
}

MpiCollectives::~MpiCollectives() {
  driver_->finish();
}

int MpiCollectives::rank() const {
  return driver_->channels().rank;
}

int MpiCollectives::size() const {
  return driver_->channels().size;
}

Pending MpiCollectives::all_reduce(Elements elements, Reduction reduction) {
  return start(detail::order_all_reduce(elements, reduction));
}

Pending MpiCollectives::broadcast(Elements elements, int root) {
  return start(detail::order_broadcast(elements, root, size()));
}

Pending MpiCollectives::all_gather(Elements own, Elements all) {
  return start(detail::order_all_gather(own, all, size()));
}

Pending MpiCollectives::barrier() {
  return start({});
}

Pending MpiCollectives::start(const detail::CollectiveOrder& order) {
  return Pending(std::make_unique<Started>(driver_, driver_->submit(order)));
}

}  // namespace hierevo::comm
