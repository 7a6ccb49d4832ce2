#include "admission.hpp"

#include <fmt/format.h>

#include "hierevo/core/version.hpp"

namespace hierevo::search {

Admission::Refusal Admission::reason_to_refuse(const Hello& hello) const {
  if (!hello.error.empty()) return {hello.error, "Mend this on that host."};
  if (hello.program != core::version()) {
    return {fmt::format("it runs hierevo {}, rank 0 runs {}", hello.program, core::version()),
            "Use one installation on all nodes."};
  }
  if (hello.fingerprint != fingerprint_) {
    return {"its options differ from those of rank 0", "Start all ranks with the same options."};
  }
  if (hello.data && data_ && *hello.data != *data_) {
    return {fmt::format("its data differ from those of rank {}", *data_from_),
            "Use the same data on all nodes."};
  }
  return {};
}

void Admission::greeted(int rank, const Hello& hello) {
  if (!hello.data || data_) return;
  data_ = hello.data;
  data_from_ = rank;
}

}  // namespace hierevo::search
