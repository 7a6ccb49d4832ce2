#pragma once

#include <cstddef>
#include <filesystem>
#include <string>
#include <vector>

#include "hierevo/data/dataset.hpp"

namespace hierevo::data {

/// Binary files of CIFAR's publisher: records of labels, a byte each, and the red, green and blue
/// plane of 32×32 pixels.
struct CifarLayout {
  std::string name;                      ///< "cifar10"
  std::string folder;                    ///< that the publisher's archive creates
  std::string archive;                   ///< file name of that archive
  std::string names_file;                ///< names of the classes, a line each
  std::vector<int> label_classes;        ///< number of classes of each label byte; the last is used
  std::vector<std::string> train_files;  ///< all with the same number of records
  std::string test_file;
  std::size_t train_records = 10'000;  ///< in each of the files
  std::size_t test_records = 10'000;
};

CifarLayout cifar10_layout();
/// With the fine labels.
CifarLayout cifar100_layout();

/// Whether the first training file lies in `data_dir`, or in the archive's folder there.
bool holds_cifar(const CifarLayout& layout, const std::filesystem::path& data_dir);

/// Throws UsageError that names the file and the offset of what is wrong.
Dataset load_cifar(const CifarLayout& layout, const std::filesystem::path& data_dir);

}  // namespace hierevo::data
