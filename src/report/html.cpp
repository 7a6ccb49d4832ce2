#include "html.hpp"

#include <fmt/format.h>

#include "hierevo/core/printable.hpp"

namespace hierevo::report::html {

std::string text(std::string_view plain) {
  std::string escaped;
  for (const char letter : core::printable(plain)) {
    switch (letter) {
      case '&':
        escaped += "&amp;";
        break;
      case '<':
        escaped += "&lt;";
        break;
      case '>':
        escaped += "&gt;";
        break;
      case '"':
        escaped += "&quot;";
        break;
      case '\'':
        escaped += "&#39;";
        break;
      default:
        escaped += letter;
    }
  }
  return escaped;
}

std::string table(const std::vector<std::string>& headings,
                  const std::vector<std::vector<Cell>>& rows) {
  std::string html = "<div class=\"scroll\"><table><thead><tr>";
  for (const std::string& heading : headings) {
    html += fmt::format("<th scope=\"col\">{}</th>", text(heading));
  }
  html += "</tr></thead><tbody>\n";
  for (const auto& row : rows) {
    html += "<tr>";
    for (const Cell& cell : row) {
      html += fmt::format("<td{}>{}</td>", cell.number ? " class=\"number\"" : "", cell.content);
    }
    html += "</tr>\n";
  }
  return html + "</tbody></table></div>\n";
}

std::string script_json(std::string json) {
  // '<' is in JSON's texts alone, where it may be written like this.
  for (std::size_t at = 0; (at = json.find('<', at)) != json.npos;) {
    json.replace(at, 1, "\\u003c");
  }
  return json;
}

}  // namespace hierevo::report::html
