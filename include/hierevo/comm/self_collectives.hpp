#pragma once

#include "hierevo/comm/collectives.hpp"

namespace hierevo::comm {

/// A group of one rank, 0: every operation is done when it has been started.
class SelfCollectives final : public Collectives {
 public:
  int rank() const override { return 0; }
  int size() const override { return 1; }
  Request all_reduce(Elements elements) override;
  Request broadcast(Elements elements, int root) override;
  Request all_gather(Elements own, Elements all) override;
  Request barrier() override;
};

}  // namespace hierevo::comm
