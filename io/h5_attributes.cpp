#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "h5.hpp"

namespace hierevo::io::h5 {

namespace {

/// As for a genotype: JSON takes many times its length in memory.
constexpr std::size_t longest_attribute = std::size_t{1} << 20;

void write(hid_t object, const char* name, hid_t stored_as, hid_t given_as, const Space& space,
           const void* values) {
  const Attribute attribute(
      HIEREVO_H5(H5Acreate2, object, name, stored_as, space, H5P_DEFAULT, H5P_DEFAULT));
  HIEREVO_H5(H5Awrite, attribute, given_as, values);
}

Space scalar() {
  return Space(HIEREVO_H5(H5Screate, H5S_SCALAR));
}

/// Also checks that its type is like `wanted`.
Attribute open_scalar(hid_t object, const char* name, hid_t wanted) {
  const std::string what = attribute_path(object, name);
  Attribute attribute = open_scalar_attribute(object, name, what);
  const Type type(HIEREVO_H5(H5Aget_type, attribute));
  require_type(type, wanted, what);
  return attribute;
}

}  // namespace

std::string attribute_path(hid_t object, const char* name) {
  return fmt::format("attribute '{}' of {}", name, path_of(object));
}

bool has_attribute(hid_t object, const char* name) {
  return HIEREVO_H5(H5Aexists, object, name) > 0;
}

Attribute open_scalar_attribute(hid_t object, const char* name, const std::string& what) {
  if (!has_attribute(object, name)) throw Error(what + " is missing");
  Attribute attribute(HIEREVO_H5(H5Aopen, object, name, H5P_DEFAULT));
  const Space space(HIEREVO_H5(H5Aget_space, attribute));
  if (H5Sget_simple_extent_npoints(space) != 1) throw Error(what + " is not a single value");
  return attribute;
}

template <typename T>
void write_attribute(hid_t object, const char* name, T value) {
  write(object, name, file_type<T>(), memory_type<T>(), scalar(), &value);
}

void write_text_attribute(hid_t object, const char* name, std::string_view value) {
  const std::string text(value);
  const char* pointer = text.c_str();
  const Type type = text_type();
  write(object, name, type, type, scalar(), &pointer);
}

void write_texts_attribute(hid_t object, const char* name, Names values) {
  const std::vector<std::string> texts(values.begin(), values.end());
  std::vector<const char*> pointers(texts.size());
  std::transform(texts.begin(), texts.end(), pointers.begin(),
                 [](const std::string& text) { return text.c_str(); });
  const std::array<hsize_t, 1> shape = {texts.size()};
  const Space space(HIEREVO_H5(H5Screate_simple, 1, shape.data(), nullptr));
  const Type type = text_type();
  write(object, name, type, type, space, pointers.data());
}

void write_matrix_attribute(hid_t object, const char* name, const Matrix<std::int32_t>& matrix) {
  const std::array<hsize_t, 2> shape = {matrix.rows, matrix.columns};
  const Space space(HIEREVO_H5(H5Screate_simple, 2, shape.data(), nullptr));
  write(object, name, file_type<std::int32_t>(), memory_type<std::int32_t>(), space,
        matrix.values.data());
}

template <typename T>
T read_attribute(hid_t object, const char* name) {
  const Attribute attribute = open_scalar(object, name, file_type<T>());
  T value{};
  HIEREVO_H5(H5Aread, attribute, memory_type<T>(), &value);
  return value;
}

std::string read_text_attribute(hid_t object, const char* name) {
  const Type type = text_type();
  const Attribute attribute = open_scalar(object, name, type);
  char* pointer = nullptr;
  HIEREVO_H5(H5Aread, attribute, type, &pointer);
  if (pointer == nullptr) return {};
  std::string text(pointer, ::strnlen(pointer, longest_attribute + 1));
  HIEREVO_H5(H5free_memory, pointer);
  if (text.size() > longest_attribute) {
    throw Error(
        fmt::format("{} is longer than {} bytes", attribute_path(object, name), longest_attribute));
  }
  return text;
}

#define HIEREVO_H5_ATTRIBUTES_OF(T)                        \
  template void write_attribute<T>(hid_t, const char*, T); \
  template T read_attribute<T>(hid_t, const char*)
HIEREVO_H5_ATTRIBUTES_OF(std::int32_t);
HIEREVO_H5_ATTRIBUTES_OF(std::uint32_t);
HIEREVO_H5_ATTRIBUTES_OF(std::int64_t);
HIEREVO_H5_ATTRIBUTES_OF(std::uint64_t);
HIEREVO_H5_ATTRIBUTES_OF(double);

}  // namespace hierevo::io::h5
