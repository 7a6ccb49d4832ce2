#include "packing.hpp"

#include <ATen/ATen.h>
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <span>

#include "hierevo/core/error.hpp"
#include "hierevo/io/data_pack.hpp"
#include "hierevo/nn/dataset.hpp"
#include "hierevo/nn/image_folder.hpp"
#include "program.hpp"

namespace hierevo::app {

namespace {

namespace fs = std::filesystem;
using Part = io::DataPackWriter::Part;

io::ImageShape shape_of(const at::Tensor& image) {
  return {static_cast<std::size_t>(image.size(-3)), static_cast<std::size_t>(image.size(-2)),
          static_cast<std::size_t>(image.size(-1))};
}

template <typename T>
std::span<const T> values_of(const at::Tensor& tensor) {
  return {tensor.data_ptr<T>(), static_cast<std::size_t>(tensor.numel())};
}

/// Shows how far the packing is, and ends it when the user wants that.
class Packing {
 public:
  Packing(ProgressLine::Mode mode, std::size_t images) : line_(mode), images_(images) {}

  void advance(std::size_t images) {
    done_ += images;
    if (stop_signal_came()) {
      line_.end();
      throw core::Interrupted("The packing was stopped", "nothing of it is kept");
    }
    if (!line_.due()) return;
    const double elapsed =
        std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
    const double pace = static_cast<double>(done_) / elapsed;
    line_.show(fmt::format("{}/{} images  {:.0f} images/s, {} left", done_, images_, pace,
                           duration_text(static_cast<double>(images_ - done_) / pace)));
  }
  void end() { line_.end(); }

 private:
  ProgressLine line_;
  std::size_t images_;
  std::size_t done_ = 0;
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

void append_all(io::DataPackWriter& writer, Part part, const nn::Images& images, Packing& packing) {
  constexpr std::int64_t at_a_time = 1000;
  for (std::int64_t first = 0; first < images.size(); first += at_a_time) {
    const std::int64_t last = std::min(first + at_a_time, images.size());
    writer.append(part, values_of<std::uint8_t>(images.pixels.slice(0, first, last)),
                  values_of<std::int64_t>(images.labels.slice(0, first, last)));
    packing.advance(static_cast<std::size_t>(last - first));
  }
}

/// "cifar10"; of the many that are just IDX files the name of their folder.
std::string source_name(std::string_view dataset, const std::string& folder) {
  const bool known = !dataset.empty() && dataset != "idx";
  return known ? std::string(dataset) : folder_name(folder);
}

[[noreturn]] void refuse_sizes(const fs::path& a, const at::Tensor& image_a, const fs::path& b,
                               const at::Tensor& image_b) {
  throw core::UsageError(
      fmt::format("'{}' and '{}' differ in size", a.string(), b.string()),
      fmt::format("{}×{} and {}×{}, and a pack's images have one size", image_a.size(1),
                  image_a.size(2), image_b.size(1), image_b.size(2)),
      "Give --size N to make all of them N×N, or --out FOLDER to keep JPEG files as they are.");
}

}  // namespace

void say_found(std::string_view what, std::string_view source, std::size_t classes,
               std::size_t train, std::size_t test) {
  fmt::print(stderr, "'{}' is {}: {} classes, {} images to train on, {}.\n", source, what, classes,
             train,
             test == 0 ? "none to test on, which hierevo train will want"
                       : fmt::format("{} to test on", test));
}

std::string folder_name(const std::string& folder) {
  return fs::weakly_canonical(folder).filename().string();
}

void pack_dataset(std::string_view name, const PackingJob& job) {
  if (job.size != 0) {
    throw core::UsageError(
        "--size cannot be used here",
        fmt::format("'{}' is {}, whose images are packed as they are", job.source, name),
        "Leave it out.");
  }
  const nn::Dataset dataset = nn::load_dataset(name, job.source);
  const auto train = static_cast<std::size_t>(dataset.train.size());
  const auto test = static_cast<std::size_t>(dataset.test.size());
  say_found(name, job.source, dataset.class_names.size(), train, test);
  Packing packing(job.progress, train + test);
  io::DataPackWriter writer(
      job.out, {source_name(name, job.source), dataset.class_names, shape_of(dataset.train.pixels)},
      train, test);
  append_all(writer, Part::train, dataset.train, packing);
  append_all(writer, Part::test, dataset.test, packing);
  writer.finish();
}

void pack_folder(const PackingJob& job) {
  const nn::ImageFolder folder = nn::scan_image_folder(job.source);
  say_found("a folder of images", job.source, folder.class_names.size(), folder.train.size(),
            folder.test.size());
  const fs::path& first_path = folder.train.front().path;
  const at::Tensor first = nn::read_image(first_path, job.size);
  Packing packing(job.progress, folder.train.size() + folder.test.size());
  io::DataPackWriter writer(job.out,
                            {source_name("", job.source), folder.class_names, shape_of(first)},
                            folder.train.size(), folder.test.size());
  const auto batch = std::size_t{32} * static_cast<std::size_t>(job.threads);
  const auto append = [&](Part part, std::span<const nn::LabelledFile> files) {
    for (; !files.empty(); files = files.subspan(std::min(batch, files.size()))) {
      const auto some = files.first(std::min(batch, files.size()));
      const std::vector<at::Tensor> images = nn::read_images(some, job.size, job.threads);
      for (std::size_t i = 0; i < some.size(); ++i) {
        if (images[i].sizes() != first.sizes()) {
          refuse_sizes(first_path, first, some[i].path, images[i]);
        }
        writer.append(part, values_of<std::uint8_t>(images[i]), std::span(&some[i].label, 1));
      }
      packing.advance(some.size());
    }
  };
  append(Part::train, folder.train);
  append(Part::test, folder.test);
  writer.finish();
}

}  // namespace hierevo::app
