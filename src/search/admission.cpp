#include "admission.hpp"

#include <fmt/format.h>

#include "hierevo/core/error.hpp"
#include "hierevo/core/log.hpp"
#include "hierevo/core/quantity_text.hpp"
#include "hierevo/core/version.hpp"
#include "hierevo/search/data_record.hpp"

namespace hierevo::search {

Admission::Admission(const SearchOptions& options, int ranks)
    : options_(options),
      ranks_(ranks),
      data_(recorded_data(options.run)),
      recorded_(data_),
      owner_(fmt::format("those that the run in '{}' began with", options.run.string())),
      suggestion_("Use the data that the run began with, or choose another run directory.") {}

Admission::Refusal Admission::reason_to_refuse(const Hello& hello) const {
  if (!hello.error.empty()) return {hello.error, "Mend this on that host."};
  if (hello.program != core::version()) {
    return {fmt::format("it runs hierevo {}, rank 0 runs {}", hello.program, core::version()),
            "Use one installation on all nodes."};
  }
  if (hello.fingerprint != options_.fingerprint) {
    return {"its options differ from those of rank 0", "Start all ranks with the same options."};
  }
  if (hello.data && data_ && !same_data(*hello.data, *data_)) {
    return {fmt::format("its data differ from {}: {} instead of {}", owner_,
                        description(*hello.data), description(*data_)),
            suggestion_};
  }
  return {};
}

std::string Admission::admit(int rank, const Hello& hello, bool begun) {
  Refusal refusal = reason_to_refuse(hello);
  if (!refusal.why.empty() && !begun) {
    // What keeps the only rank from evaluating needs no name.
    if (ranks_ == 1 && !hello.error.empty()) throw core::UsageError(hello.error, "", "");
    const std::string what = ranks_ == 1
                                 ? "The search cannot start"
                                 : fmt::format("Rank {} on {} cannot take part", rank, hello.host);
    throw core::UsageError(what, refusal.why, refusal.suggestion);
  }
  places_[rank] =
      fmt::format("{}, {}{}{}", hello.host, core::counted_text(hello.evaluators, "evaluator"),
                  hello.place.empty() ? "" : " on ", hello.place);
  const bool least = evaluator_memory_ == 0 || hello.evaluator_memory < evaluator_memory_;
  if (refusal.why.empty() && hello.evaluator_memory > 0 && least) {
    evaluator_memory_ = hello.evaluator_memory;
  }
  if (!refusal.why.empty() || !hello.data) return std::move(refusal.why);
  were_read_ = true;
  if (data_) return {};
  data_ = hello.data;
  owner_ = fmt::format("those of rank {}", rank);
  suggestion_ = "Use the same data on all nodes.";
  return {};
}

void Admission::admit_all() const {
  for (const auto& [rank, place] : places_) {
    if (ranks_ > 1) core::log(core::LogLevel::info, "Rank {} is on {}", rank, place);
  }
  if (!recorded_ || were_read_ || places_.empty()) return;
  throw core::UsageError(
      "The search cannot start",
      fmt::format("no data were read, but {} are {}", owner_, description(*data_)), suggestion_);
}

}  // namespace hierevo::search
