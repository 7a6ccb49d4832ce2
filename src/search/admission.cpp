#include "admission.hpp"

#include <fmt/format.h>

#include "hierevo/core/version.hpp"
#include "hierevo/search/data_record.hpp"

namespace hierevo::search {

Admission::Admission(std::uint64_t fingerprint, const std::filesystem::path& run)
    : fingerprint_(fingerprint),
      data_(recorded_data(run)),
      recorded_(data_),
      owner_(fmt::format("those that the run in '{}' began with", run.string())),
      suggestion_("Use the data that the run began with, or choose another run directory.") {}

Admission::Refusal Admission::reason_to_refuse(const Hello& hello) const {
  if (!hello.error.empty()) return {hello.error, "Mend this on that host."};
  if (hello.program != core::version()) {
    return {fmt::format("it runs hierevo {}, rank 0 runs {}", hello.program, core::version()),
            "Use one installation on all nodes."};
  }
  if (hello.fingerprint != fingerprint_) {
    return {"its options differ from those of rank 0", "Start all ranks with the same options."};
  }
  if (hello.data && data_ && !same_data(*hello.data, *data_)) {
    return {fmt::format("its data differ from {}: {} instead of {}", owner_,
                        description(*hello.data), description(*data_)),
            suggestion_};
  }
  return {};
}

void Admission::greeted(int rank, const Hello& hello) {
  anybody_ = true;
  if (!hello.data) return;
  were_read_ = true;
  if (data_) return;
  data_ = hello.data;
  owner_ = fmt::format("those of rank {}", rank);
  suggestion_ = "Use the same data on all nodes.";
}

Admission::Refusal Admission::reason_to_refuse_all() const {
  if (!recorded_ || were_read_ || !anybody_) return {};
  return {fmt::format("no data were read, but {} are {}", owner_, description(*data_)),
          suggestion_};
}

}  // namespace hierevo::search
