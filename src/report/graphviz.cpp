#include "hierevo/report/graphviz.hpp"

#include <fmt/format.h>
#include <graphviz/cgraph.h>
#include <graphviz/gvc.h>

#include <algorithm>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "hierevo/core/error.hpp"
#include "hierevo/core/numbers.hpp"
#include "html.hpp"

// The plugins that are needed, linked: the others take longer to load than a graph takes to draw,
// and measure texts with the fonts that a machine happens to have.
extern "C" {
extern gvplugin_library_t gvplugin_dot_layout_LTX_library;
extern gvplugin_library_t gvplugin_core_LTX_library;
}

namespace hierevo::report {

namespace {

class Context {
 public:
  Context() : context_(gvContextPlugins(nullptr, 0), &gvFreeContext) {
    gvAddLibrary(context_.get(), &gvplugin_dot_layout_LTX_library);
    gvAddLibrary(context_.get(), &gvplugin_core_LTX_library);
  }
  GVC_t* get() const { return context_.get(); }

 private:
  std::unique_ptr<GVC_t, int (*)(GVC_t*)> context_;
};

void set(Agraph_t* graph, int kind, const char* name, const char* value) {
  // Graphviz changes neither text, but does not say so.
  agattr(graph, kind, const_cast<char*>(name), const_cast<char*>(value));
}

void set_style(Agraph_t* graph) {
  set(graph, AGRAPH, "bgcolor", "transparent");
  set(graph, AGRAPH, "nodesep", "0.3");
  set(graph, AGRAPH, "ranksep", "0.35");
  for (const int kind : {AGNODE, AGEDGE}) {
    set(graph, kind, "fontname", "Helvetica");
    set(graph, kind, "fontsize", "14");  // the style sheet draws it smaller: no font is wider then
  }
  set(graph, AGNODE, "height", "0.3");
  set(graph, AGNODE, "width", "0.3");
  set(graph, AGNODE, "margin", "0.1,0.04");
  set(graph, AGEDGE, "arrowsize", "0.6");
}

/// The size that Graphviz gives in points, in pixels; where the page is narrower, somewhat less.
std::string with_flexible_size(std::string svg) {
  double width = 0.0;
  for (const std::string side : {" width=\"", " height=\""}) {
    const std::size_t begin = svg.find(side) + side.size();
    std::string_view digits = std::string_view(svg).substr(std::min(begin, svg.size()));
    const auto points = core::take_number<double>(digits);
    if (!points || !digits.starts_with("pt\"")) return svg;
    if (width == 0.0) width = *points;
    svg.replace(svg.size() - digits.size(), 2, "px");
  }
  return svg.insert(std::string_view("<svg").size(),
                    fmt::format(" style=\"min-width: {:.0f}px\"", 0.75 * width));
}

/// Without what must stand once in a page: the beginning of a file, and ids that each graph has.
std::string element_of(std::string_view file, const std::string& label) {
  file.remove_prefix(std::min(file.find("<svg "), file.size()));
  if (file.empty()) throw core::InternalError("Graphviz drew nothing");
  std::string svg = "<svg role=\"img\" aria-label=\"" + html::text(label) + "\" ";
  file.remove_prefix(std::string_view("<svg ").size());
  constexpr std::string_view id = " id=\"";
  for (std::size_t at = 0; (at = file.find(id)) != file.npos;) {
    svg += file.substr(0, at);
    file.remove_prefix(file.find('"', at + id.size()) + 1);
  }
  svg.append(file);
  return with_flexible_size(std::move(svg));
}

/// The type of gvRenderData()'s last argument differs between versions of Graphviz.
template <typename Function>
struct LengthOf;
template <typename Length>
struct LengthOf<int (*)(GVC_t*, graph_t*, const char*, char**, Length*)> {
  using Type = Length;
};

}  // namespace

bool can_draw_graphs() {
  return true;
}

std::string svg_of(const std::string& dot, const std::string& label) {
  const Context context;
  const std::unique_ptr<Agraph_t, int (*)(Agraph_t*)> graph(agmemread(dot.c_str()), &agclose);
  if (!graph) throw core::InternalError("Graphviz cannot read a graph");
  set_style(graph.get());
  if (gvLayout(context.get(), graph.get(), "dot") != 0) {
    throw core::InternalError("Graphviz cannot lay out a graph");
  }
  char* bytes = nullptr;
  LengthOf<decltype(&gvRenderData)>::Type length = 0;
  const int drawn = gvRenderData(context.get(), graph.get(), "svg", &bytes, &length);
  const std::string file = drawn == 0 ? std::string(bytes, length) : std::string();
  gvFreeRenderData(bytes);
  gvFreeLayout(context.get(), graph.get());
  return element_of(file, label);
}

}  // namespace hierevo::report
