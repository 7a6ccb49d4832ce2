#include "kept.hpp"

#include <string>

#include "io/samples.hpp"
#include "target.hpp"
#include "utf8.hpp"

namespace hierevo::fuzz {

void require_kept(io::Snapshot snapshot) {
  // A file has UTF-8 only; the text of a failure may be anything.
  snapshot.progress.state = io::to_utf8(snapshot.progress.state);
  for (auto& individual : snapshot.state.history) {
    individual.evaluation.reason = io::to_utf8(individual.evaluation.reason);
  }
  const io::Snapshot again = io::decode_snapshot(io::encode_snapshot(snapshot), "saved again");
  std::string where;
  require(io::test::same(again, snapshot, &where), "a search is the same when saved and read");
}

}  // namespace hierevo::fuzz
