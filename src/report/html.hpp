// Pieces of HTML. Whatever came from a run passes through text().
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace hierevo::report::html {

/// `plain` as text of an element or a value of an attribute in quotes.
std::string text(std::string_view plain);

/// A cell of a table; numbers are aligned at the right.
struct Cell {
  std::string content;  ///< HTML
  bool number = false;
};
inline Cell number(std::string digits) {
  return {std::move(digits), true};
}

/// A table that scrolls sideways where the page is narrow. Headings are plain text.
std::string table(const std::vector<std::string>& headings,
                  const std::vector<std::vector<Cell>>& rows);

/// JSON as the text of a <script> element: nothing in it ends the element.
std::string script_json(std::string json);

}  // namespace hierevo::report::html
