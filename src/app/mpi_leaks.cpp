// Part of the programs that use MPI, in builds with the address sanitizer. MPI is built without
// frame pointers, and lsan.supp can only match what is in a stack: recognising MPI's leaks takes
// full stacks of all allocations, of which Torch makes so many while it is loaded that each start
// would take ten seconds. So leaks under MPI are only looked for in programs without Torch.
#include "hierevo/comm/mpi_session.hpp"

#ifdef HIEREVO_PROGRAM_WITH_TORCH
extern "C" int __lsan_is_turned_off() {
  return hierevo::comm::MpiSession::launched_by_mpi() ? 1 : 0;
}
#else
extern "C" const char* __asan_default_options() {
  return "fast_unwind_on_malloc=0";
}
#endif
