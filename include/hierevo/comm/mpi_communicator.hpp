#pragma once

#include <memory>

#include "hierevo/comm/communicator.hpp"

namespace hierevo::comm {

/// The ranks of MPI_COMM_WORLD, over a duplicate of it: these messages never mix with those of an
/// embedding program. For the thread that initialised MPI. No MPI call made after construction
/// blocks, so a rank that has died stops no other.
///
/// In a build without MPI the constructor throws UsageError.
class MpiCommunicator final : public Communicator {
 public:
  /// Collective over MPI_COMM_WORLD: every rank must construct one. Throws UsageError when MPI is
  /// not initialised (MpiSession does that), CommunicationError when MPI fails.
  MpiCommunicator();
  /// Not collective. Gives messages that have not left yet two seconds, then logs a warning.
  ~MpiCommunicator() override;

  int rank() const override;
  int size() const override;
  /// Besides what Communicator says, the following throw CommunicationError when MPI fails.
  void send(int destination, std::vector<std::byte> data) override;
  /// Takes in messages of others meanwhile, for receive() to return: ranks that flush at the same
  /// time do not wait for each other.
  bool flush(std::chrono::nanoseconds timeout) override;
  /// Tells of deaths where MPI does (ULFM: Open MPI 5 under `mpirun --with-ft ulfm`).
  std::optional<int> next_dead() override;
  void give_up(int rank) override;

 private:
  std::optional<Message> wait_for_message(std::chrono::nanoseconds timeout,
                                          int or_readable) override;

  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace hierevo::comm
