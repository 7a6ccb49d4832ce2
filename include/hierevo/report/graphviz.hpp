#pragma once

#include <string>

namespace hierevo::report {

/// Whether this build has Graphviz.
bool can_draw_graphs();

/// A graph in the DOT language as an `<svg>` element, `label` being its text alternative. Its nodes
/// and edges have the classes that the graph gives them; colours are for a style sheet to set.
/// Throws InternalError. For one thread at a time.
std::string svg_of(const std::string& dot, const std::string& label);

}  // namespace hierevo::report
