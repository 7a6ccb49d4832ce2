#pragma once

#include "hierevo/comm/collectives.hpp"

namespace hierevo::comm {

/// A group of one rank, 0: every operation is done when it has been started.
class SelfCollectives final : public Collectives {
 public:
  int rank() const override { return 0; }
  int size() const override { return 1; }
  Pending all_reduce(Elements elements, Reduction reduction) override;
  Pending broadcast(Elements elements, int root) override;
  Pending all_gather(Elements own, Elements all) override;
  Pending barrier() override;
};

}  // namespace hierevo::comm
