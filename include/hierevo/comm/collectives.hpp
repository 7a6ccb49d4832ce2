#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>

namespace hierevo::comm {

/// The types of numbers that operations know.
enum class ElementType : std::uint8_t { uint8, int64, bfloat16, float32, float64 };

/// Bytes of one element.
std::size_t size_of(ElementType type);

/// Contiguous elements in the memory that the group works on: the host's for Self, threads and MPI,
/// a device's for NCCL. Owns nothing.
struct Elements {
  void* data = nullptr;
  std::size_t count = 0;
  ElementType type = ElementType::float32;

  /// Bytes of all elements together.
  std::size_t bytes() const { return count * size_of(type); }
};

/// An operation that was started. Its memory must not be read, written or freed until wait() has
/// returned; the destructor waits too, but ignores errors.
class Request {
 public:
  /// An operation, as an implementation of Collectives keeps it.
  class Operation {
   public:
    virtual ~Operation() = default;
    /// Request::done().
    virtual bool done() = 0;
    /// Request::wait(), called once.
    virtual void wait() = 0;
  };

  /// An operation that is done.
  Request() = default;
  /// An operation that an implementation has started.
  explicit Request(std::unique_ptr<Operation> operation) : operation_(std::move(operation)) {}
  Request(Request&&) noexcept = default;
  Request& operator=(Request&& other) noexcept;
  ~Request();

  /// Whether the memory has the result. Does not wait.
  bool done();
  /// Returns once the memory has the result; for a device's memory, once the device is certain to
  /// have it before whatever the caller gives it to do from now on, without the host waiting.
  /// Throws CommunicationError when the operation failed or took longer than the group's time-out.
  void wait();

 private:
  std::unique_ptr<Operation> operation_;
};

/// Operations in which all ranks of a group take part. Four peers: SelfCollectives,
/// ThreadCollectivesGroup, MpiCollectives, NcclCollectives.
///
/// Every rank starts the same operations in the same order, with the same counts, types and roots;
/// they take effect in that order. Starting returns at once; any number may be in flight. All ranks
/// get bit-identical results, and the same group with the same data gets the same ones again.
/// Belongs to one thread, and so do its Requests; another thread may use them in its place as long
/// as it waits for that one (as for Torch's, which make a backward pass on a GPU). A count of 0 is
/// allowed. Invalid arguments are a UsageError, and nothing is started.
///
/// An error, or an operation that takes longer than the time-out which an implementation is made
/// with (from its start, or from the end of the one before it), is a CommunicationError that names
/// rank and operation, thrown by wait() of that operation and of all later ones, and by whatever
/// starts another: the group can no longer be used, and the others learn of a rank's death by that
/// time-out at the latest. Time in which this process itself stands still, as when a
/// whole job is suspended, does not count, but for the first second (or quarter of the time-out).
class Collectives {
 public:
  virtual ~Collectives() = default;
  Collectives() = default;
  Collectives(const Collectives&) = delete;
  Collectives& operator=(const Collectives&) = delete;

  /// This rank's number in the group, from 0.
  virtual int rank() const = 0;
  /// Number of ranks in the group.
  virtual int size() const = 0;

  /// The sum over all ranks takes the place of each rank's `elements` (floating-point or int64). On
  /// the host's memory elements are added in the order of ranks, and bfloat16 is computed in
  /// float32 and rounded once, to nearest even: results do not depend on the implementation. NCCL
  /// adds and rounds as it does.
  virtual Request all_reduce(Elements elements) = 0;
  /// What `root` has takes the place of the others' `elements`.
  virtual Request broadcast(Elements elements, int root) = 0;
  /// `own` of every rank, in the order of ranks: `all` has size() times its count, and its type.
  /// `own` may lie at its place in `all`.
  virtual Request all_gather(Elements own, Elements all) = 0;
  /// Done when every rank has started it.
  virtual Request barrier() = 0;
};

}  // namespace hierevo::comm
