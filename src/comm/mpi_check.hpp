#pragma once

#include <string_view>

namespace hierevo::comm::detail {

/// Throws CommunicationError, with the call's name, MPI's text and this rank, unless `code` is
/// MPI_SUCCESS. `call` is the source text of the call.
void check_mpi(int code, std::string_view call);

}  // namespace hierevo::comm::detail

/// Every MPI call that can fail goes through this one.
#define HIEREVO_MPI_CHECK(call) ::hierevo::comm::detail::check_mpi((call), #call)
