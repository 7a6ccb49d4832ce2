#pragma once

#include <string_view>

namespace hierevo::comm::detail {

/// Throws CommunicationError, with the call's name, MPI's text and this rank, unless `code` is
/// MPI_SUCCESS. `call` is the source text of the call.
void check_mpi(int code, std::string_view call);

/// Whether MPI is initialised and not yet finalised.
bool mpi_is_running();

/// Throws UsageError unless it is; `who` needs it ("An MPI communicator").
void require_mpi(std::string_view who);

/// Throws UsageError unless MPI lets any thread of this process call it, one at a time.
void require_mpi_for_threads(std::string_view who);

}  // namespace hierevo::comm::detail

/// Every MPI call that can fail goes through this one.
#define HIEREVO_MPI_CHECK(call) ::hierevo::comm::detail::check_mpi((call), #call)
