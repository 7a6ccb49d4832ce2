// Files of CIFAR-10 and CIFAR-100, of few records. The first byte of the input chooses the data set
// and how many records each file has; then the files follow, each after its length (three bytes,
// the lowest first): training files, test file, and the names of the classes.
#include "cifar.hpp"

#include <algorithm>
#include <string>

#include "hierevo/core/error.hpp"
#include "support/scratch_folder.hpp"
#include "target.hpp"

namespace {

using namespace hierevo;
using fuzz::require;

/// Takes a file off the input; if the input ends early, so does the file.
std::string_view take_file(std::string_view& input) {
  std::size_t length = 0;
  for (std::size_t i = 0; i < 3 && !input.empty(); ++i) {
    length |= std::size_t{static_cast<std::uint8_t>(input.front())} << (8 * i);
    input.remove_prefix(1);
  }
  const std::string_view file = input.substr(0, length);
  input.remove_prefix(file.size());
  return file;
}

/// The content of the files, in their order.
std::string joined(const data::Images& images, std::size_t label_bytes) {
  std::string bytes;
  const std::size_t image = images.shape.bytes();
  for (std::size_t i = 0; i < images.labels.size(); ++i) {
    bytes.append(label_bytes - 1, '\0');  // coarse labels, which are not kept
    bytes += static_cast<char>(images.labels[i]);
    bytes.append(reinterpret_cast<const char*>(&images.pixels[i * image]), image);
  }
  return bytes;
}

/// With zeros for the coarse labels.
std::string without_coarse_labels(std::string bytes, std::size_t label_bytes) {
  const std::size_t record = label_bytes + 3 * 32 * 32;
  for (std::size_t at = 0; at < bytes.size(); at += record) {
    for (std::size_t i = 0; i + 1 < label_bytes; ++i) bytes[at + i] = '\0';
  }
  return bytes;
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const test::ScratchFolder folder;
  std::string_view input = fuzz::text_of(data, size);
  const std::uint8_t choice = size > 0 ? data[0] : 0;
  if (!input.empty()) input.remove_prefix(1);
  data::CifarLayout layout = choice % 2 == 0 ? data::cifar10_layout() : data::cifar100_layout();
  layout.train_records = 1 + choice / 2 % 2;
  layout.test_records = 1 + choice / 4 % 2;
  std::string train;
  for (const auto& name : layout.train_files) {
    const std::string_view file = take_file(input);
    fuzz::write_file(folder.path() / name, file);
    train += file;
  }
  const std::string test(take_file(input));
  fuzz::write_file(folder.path() / layout.test_file, test);
  const std::string_view names = take_file(input);
  std::filesystem::remove(folder.path() / layout.names_file);
  if (!names.empty()) fuzz::write_file(folder.path() / layout.names_file, names);
  try {
    const data::Dataset dataset = data::load_cifar(layout, folder.path());
    const std::size_t label_bytes = layout.label_classes.size();
    require(dataset.classes() == layout.label_classes.back(), "each class has a name");
    for (const auto* part : {&dataset.train, &dataset.test}) {
      require(part->shape == data::ImageShape{3, {32, 32}}, "images have their size");
      for (const std::int64_t label : part->labels) {
        require(label >= 0 && label < dataset.classes(), "a label is one of a class");
      }
    }
    require(joined(dataset.train, label_bytes) == without_coarse_labels(train, label_bytes) &&
                joined(dataset.test, label_bytes) == without_coarse_labels(test, label_bytes),
            "the images are all of their files");
  } catch (const core::UsageError& refusal) {
    fuzz::require_named(refusal, folder.path());
  }
  return 0;
}
