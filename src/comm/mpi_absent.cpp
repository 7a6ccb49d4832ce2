// Stands in for mpi_collectives.cpp, mpi_communicator.cpp and mpi_session.cpp in builds without
// MPI.
#include <cstdlib>

#include "hierevo/comm/mpi_collectives.hpp"
#include "hierevo/comm/mpi_communicator.hpp"
#include "hierevo/comm/mpi_session.hpp"
#include "hierevo/core/error.hpp"

namespace hierevo::comm {

namespace {

[[noreturn]] void refuse() {
  throw core::UsageError("MPI cannot be used", "this hierevo was not built with MPI",
                         "Build it with HIEREVO_WITH_MPI=ON, or run it as a single process.");
}

}  // namespace

MpiSession::MpiSession(MpiThreads) : finalises_(false), exceptions_(0) {
  refuse();
}

MpiSession::~MpiSession() = default;

std::string MpiSession::from_rank_0(std::string_view) const {
  refuse();
}

void MpiSession::meet() const {
  refuse();
}

void MpiSession::abort(int exit_code) {
  std::exit(exit_code);
}

struct MpiCommunicator::Impl {};

MpiCommunicator::MpiCommunicator() {
  refuse();
}

MpiCommunicator::~MpiCommunicator() = default;

// There is never an object to call these of.
int MpiCommunicator::rank() const {
  refuse();
}
int MpiCommunicator::size() const {
  refuse();
}
void MpiCommunicator::send(int, std::vector<std::byte>) {
  refuse();
}
std::optional<Message> MpiCommunicator::wait_for_message(std::chrono::nanoseconds, int) {
  refuse();
}
bool MpiCommunicator::flush(std::chrono::nanoseconds) {
  refuse();
}
std::optional<int> MpiCommunicator::next_dead() {
  refuse();
}
void MpiCommunicator::give_up(int) {
  refuse();
}

MpiCollectives::MpiCollectives(std::chrono::nanoseconds) {
  refuse();
}

MpiCollectives::~MpiCollectives() = default;

int MpiCollectives::rank() const {
  refuse();
}
int MpiCollectives::size() const {
  refuse();
}
Request MpiCollectives::all_reduce(Elements) {
  refuse();
}
Request MpiCollectives::broadcast(Elements, int) {
  refuse();
}
Request MpiCollectives::all_gather(Elements, Elements) {
  refuse();
}
Request MpiCollectives::barrier() {
  refuse();
}
Request MpiCollectives::start(const detail::CollectiveOrder&) {
  refuse();
}

}  // namespace hierevo::comm
