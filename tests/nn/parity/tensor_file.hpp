// Named tensors in a file that Python reads and writes too (tensor_file.py has the layout).
#pragma once

#include <ATen/ATen.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "hierevo/core/error.hpp"

namespace hierevo::nn::parity {

using Tensors = std::map<std::string, at::Tensor>;

inline Tensors read_tensors(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::string index;
  std::getline(file, index);
  Tensors tensors;
  for (const auto& entry : nlohmann::json::parse(index)) {
    at::Tensor tensor = at::empty(entry.at(1).get<std::vector<std::int64_t>>(), at::kDouble);
    file.read(static_cast<char*>(tensor.data_ptr()), static_cast<std::streamsize>(tensor.nbytes()));
    tensors.emplace(entry.at(0).get<std::string>(), std::move(tensor));
  }
  if (!file) throw core::UsageError("'" + path.string() + "' is too short");
  return tensors;
}

inline void write_tensors(const std::filesystem::path& path, const Tensors& tensors) {
  std::ofstream file(path, std::ios::binary);
  auto index = nlohmann::json::array();
  for (const auto& [name, tensor] : tensors) {
    index.push_back({name, std::vector<std::int64_t>(tensor.sizes().vec())});
  }
  file << index.dump() << '\n';
  for (const auto& [name, tensor] : tensors) {
    const at::Tensor plain = tensor.to(at::kDouble).contiguous();
    file.write(static_cast<const char*>(plain.data_ptr()),
               static_cast<std::streamsize>(plain.nbytes()));
  }
  file.close();
  if (!file) throw core::UsageError("'" + path.string() + "' cannot be written");
}

}  // namespace hierevo::nn::parity
