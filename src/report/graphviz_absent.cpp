#include "hierevo/core/error.hpp"
#include "hierevo/report/graphviz.hpp"

namespace hierevo::report {

bool can_draw_graphs() {
  return false;
}

std::string svg_of(const std::string&, const std::string&) {
  throw core::InternalError("This build has no Graphviz");
}

}  // namespace hierevo::report
