#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "hierevo/comm/collectives.hpp"
#include "hierevo/core/error.hpp"

// What ranks agree on before and behind the work that they share. Every function is collective, for
// groups on the host's memory, and throws CommunicationError.
namespace hierevo::comm {

/// Thrown by all ranks at once, with the same text: it is enough that one rank reports it.
class AgreedError : public core::Error {
 public:
  /// With the text of the error and the exit code that all ranks shall end with.
  AgreedError(const std::string& text, core::ExitCode code) : Error(text), code_(code) {}
  /// With text and exit code of another error.
  explicit AgreedError(const core::Error& error) : AgreedError(error.what(), error.exit_code()) {}
  core::ExitCode exit_code() const noexcept override { return code_; }

 private:
  core::ExitCode code_;
};

/// Longer texts are cut to this many bytes.
inline constexpr std::size_t longest_text = 2000;

/// The text of each rank, in the order of ranks.
std::vector<std::string> gather_texts(Collectives& group, std::string_view own);

/// Does `work`, which may be collective itself where all throw alike. Where any rank throws, all
/// throw an AgreedError that reports the problems with their ranks, each once.
void all_or_throw(Collectives& group, const std::function<void()>& work);

/// What `make` gives on rank 0, which alone does it. Where it throws, all throw it as an
/// AgreedError.
std::string compute_on_root(Collectives& group, const std::function<std::string()>& make);

/// The same for work that gives nothing.
void run_on_root(Collectives& group, const std::function<void()>& work);

/// Throws an AgreedError unless `hash` is the same on all: its text names the ranks that differ
/// from rank 0, and `what` they differ in ("data", "options").
void require_equal(Collectives& group, std::uint64_t hash, std::string_view what);

}  // namespace hierevo::comm
