#pragma once

#include <string>
#include <string_view>

namespace hierevo::comm {

/// Which threads of a process call MPI: only the one that started it, or one at a time.
enum class MpiThreads { funneled, serialized };

/// Holds MPI: initialises it on construction and finalises it on destruction, both collective over
/// all ranks. Inside a program that has initialised MPI itself it does neither. Made by the main
/// thread, before any MpiCommunicator and MpiCollectives, and destroyed after them. What the
/// program does at signals, other than the default, is as before once the session has begun.
///
/// While an exception unwinds, MPI is not finalised, because the other ranks would not take part
/// and this one would wait for them forever. So main() reports the error, then calls abort().
class MpiSession {
 public:
  /// Asks for MPI_THREAD_FUNNELED, or MPI_THREAD_SERIALIZED, which MpiCollectives need. Throws
  /// CommunicationError when MPI cannot give that or does not start, UsageError when MPI has been
  /// finalised before, when the program that embeds this one has started it for fewer threads than
  /// `serialized`, or hierevo was built without it.
  explicit MpiSession(MpiThreads threads = MpiThreads::funneled);
  MpiSession(const MpiSession&) = delete;
  MpiSession& operator=(const MpiSession&) = delete;
  ~MpiSession();

  /// Collective: the text that rank 0 gives; what others give is ignored. Throws
  /// CommunicationError.
  std::string from_rank_0(std::string_view text) const;
  /// Collective: returns once all ranks have called it. Throws CommunicationError.
  void meet() const;

  /// Ends all ranks at once with `exit_code`; only this process when MPI is not running. May be
  /// called with or without a session.
  [[noreturn]] static void abort(int exit_code);

  /// Whether mpirun, mpiexec or srun started this process as one of several ranks. Looks only at
  /// the environment, so that a program run alone need not initialise MPI. True in builds without
  /// MPI too: the program can then refuse instead of running once per rank.
  static bool launched_by_mpi();

  /// The most ranks that a node has, as the launcher says in the environment: all launchers know
  /// this rank's node, Slurm also of the others. 1 when it says nothing.
  static int ranks_on_a_node();
  /// The ranks of this node; 1 when the launcher does not say how many.
  static int ranks_on_this_node();
  /// The number of this rank among those of its node, from 0; 0 when the launcher does not say.
  static int local_rank();

 private:
  bool finalises_;
  int exceptions_;  ///< in flight when the session began
};

}  // namespace hierevo::comm
