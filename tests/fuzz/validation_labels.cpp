// Labels of test images: a file of labels, and after the first zero byte one of synsets.
#include "hierevo/data/validation_labels.hpp"

#include <optional>

#include "hierevo/core/error.hpp"
#include "support/scratch_folder.hpp"
#include "target.hpp"

namespace {

using namespace hierevo;
using fuzz::require;
using Labels = std::vector<std::int64_t>;

const std::vector<std::string> images = {"val_1.JPEG", "val_2.JPEG", "val_3.JPEG"};
/// One of them could be a number.
const std::vector<std::string> classes = {"n01", "n02", "7"};

/// Nothing when they are refused.
std::optional<Labels> read(std::string_view labels, std::optional<std::string_view> synsets,
                           std::optional<std::size_t> first_number = {}) {
  static const test::ScratchFolder folder;
  data::ValidationLabelFiles files{folder.path() / "labels", {}, first_number};
  fuzz::write_file(files.labels, labels);
  if (synsets) {
    files.synsets = folder.path() / "synsets";
    fuzz::write_file(files.synsets, *synsets);
  }
  try {
    return data::read_validation_labels(files, images, classes).labels;
  } catch (const core::UsageError& refusal) {
    fuzz::require_named(refusal, folder.path());
    return std::nullopt;
  }
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = fuzz::text_of(data, size);
  const std::size_t end = text.find('\0');
  std::optional<std::string_view> synsets;
  if (end != std::string_view::npos) synsets = text.substr(end + 1);
  const auto labels = read(text.substr(0, end), synsets);
  const auto from_zero = read(text.substr(0, end), synsets, 0);
  const auto from_one = read(text.substr(0, end), synsets, 1);
  if (!labels) return 0;
  require(labels == from_zero || labels == from_one, "numbers count from 0 or from 1");
  require(labels->size() == images.size(), "every image has a label");
  std::string in_order;
  std::string by_name;
  for (std::size_t i = 0; i < images.size(); ++i) {
    const std::int64_t label = labels->at(i);
    require(label >= 0 && label < std::ssize(classes), "a label is one of a class");
    const std::string& name = classes.at(static_cast<std::size_t>(label));
    in_order += name + "\n";
    by_name = images[i] + " " + name + "\n" + by_name;
  }
  require(read(in_order, std::nullopt) == labels, "names of classes say the same");
  require(read(by_name, std::nullopt) == labels, "names of images and classes say the same");
  return 0;
}
