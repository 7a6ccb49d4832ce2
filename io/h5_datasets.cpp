#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <memory>

#include "h5.hpp"

namespace hierevo::io::h5 {

namespace {

Dataset write(hid_t group, const char* name, hid_t stored_as, hid_t given_as,
              std::span<const hsize_t> shape, const void* values) {
  const Space space(
      HIEREVO_H5(H5Screate_simple, static_cast<int>(shape.size()), shape.data(), nullptr));
  const Properties creation(HIEREVO_H5(H5Pcreate, H5P_DATASET_CREATE));
  HIEREVO_H5(H5Pset_obj_track_times, creation, false);
  Dataset dataset(
      HIEREVO_H5(H5Dcreate2, group, name, stored_as, space, H5P_DEFAULT, creation, H5P_DEFAULT));
  const bool empty = std::find(shape.begin(), shape.end(), 0) != shape.end();
  if (!empty) HIEREVO_H5(H5Dwrite, dataset, given_as, H5S_ALL, H5S_ALL, H5P_DEFAULT, values);
  return dataset;
}

void require_rows(std::size_t rows, std::size_t wanted, const std::string& what) {
  if (wanted == any_number || rows == wanted) return;
  throw Error(fmt::format("{} has {} rows instead of {}", what, rows, wanted));
}

/// Values of a dataset whose type is known to be right. An empty one is never handed to HDF5.
template <typename T>
std::vector<T> read_values(const Dataset& dataset, hid_t type, std::size_t rows,
                           std::size_t columns, const std::string& what) {
  if (columns != 0 && rows > SIZE_MAX / sizeof(T) / columns) throw Error(what + " is too large");
  admit(dataset, rows * columns * sizeof(T), what);
  std::vector<T> values(rows * columns);
  if (!values.empty()) {
    HIEREVO_H5(H5Dread, dataset, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, values.data());
  }
  return values;
}

/// Where HDF5 puts the texts it reads: in total no more bytes than the file can hold, whatever its
/// references say.
struct TextStore {
  std::size_t bytes_left;
  std::vector<std::unique_ptr<char[]>> texts;

  static void* allocate(std::size_t size, void* self) {
    auto& store = *static_cast<TextStore*>(self);
    if (size > store.bytes_left) return nullptr;
    store.bytes_left -= size;
    return store.texts.emplace_back(std::make_unique<char[]>(size)).get();
  }
  static void release(void*, void*) {}
};

}  // namespace

template <typename T>
Dataset write_array(hid_t group, const char* name, std::span<const std::size_t> shape,
                    std::span<const T> values) {
  const std::vector<hsize_t> extents(shape.begin(), shape.end());
  return write(group, name, file_type<T>(), memory_type<T>(), extents, values.data());
}

template <typename T>
Dataset write_vector(hid_t group, const char* name, std::span<const T> values) {
  const std::array<hsize_t, 1> shape = {values.size()};
  return write(group, name, file_type<T>(), memory_type<T>(), shape, values.data());
}

template <typename T>
Dataset write_matrix(hid_t group, const char* name, const Matrix<T>& matrix) {
  const std::array<hsize_t, 2> shape = {matrix.rows, matrix.columns};
  return write(group, name, file_type<T>(), memory_type<T>(), shape, matrix.values.data());
}

Dataset write_enums(hid_t group, const char* name, std::span<const std::uint8_t> values,
                    Names names) {
  const Type type(HIEREVO_H5(H5Tenum_create, file_type<std::uint8_t>()));
  for (std::size_t i = 0; i < names.size(); ++i) {
    const auto value = static_cast<std::uint8_t>(i);
    HIEREVO_H5(H5Tenum_insert, type, std::string(names[i]).c_str(), &value);
  }
  const std::array<hsize_t, 1> shape = {values.size()};
  return write(group, name, type, type, shape, values.data());
}

Dataset write_strings(hid_t group, const char* name, std::span<const std::string> values) {
  std::vector<const char*> pointers(values.size());
  // A null pointer is stored as an empty text and takes no room in the file's heap.
  std::transform(values.begin(), values.end(), pointers.begin(),
                 [](const std::string& text) { return text.empty() ? nullptr : text.c_str(); });
  const std::array<hsize_t, 1> shape = {values.size()};
  const Type type = text_type();
  return write(group, name, type, type, shape, pointers.data());
}

template <typename T>
std::vector<T> read_vector(hid_t group, const char* name, std::size_t rows) {
  const std::string what = member_path(group, name);
  const Dataset dataset = open_numbers<T>(group, name);
  const std::size_t found = shape_of(dataset, 1, what)[0];
  require_rows(found, rows, what);
  return read_values<T>(dataset, memory_type<T>(), found, 1, what);
}

template <typename T>
Matrix<T> read_matrix(hid_t group, const char* name, std::size_t rows) {
  const std::string what = member_path(group, name);
  const Dataset dataset = open_numbers<T>(group, name);
  const std::vector<std::size_t> shape = shape_of(dataset, 2, what);
  require_rows(shape[0], rows, what);
  return {shape[0], shape[1], read_values<T>(dataset, memory_type<T>(), shape[0], shape[1], what)};
}

template <typename T>
Array<T> read_array(hid_t group, const char* name) {
  const std::string what = member_path(group, name);
  const Dataset dataset = open_numbers<T>(group, name);
  Array<T> array;
  array.shape = shape_of(dataset, what);
  // As rows and columns, whose product is checked against the bytes that are stored.
  std::size_t columns = 1;
  for (std::size_t i = 1; i < array.shape.size(); ++i) {
    if (array.shape[i] != 0 && columns > SIZE_MAX / sizeof(T) / array.shape[i]) {
      throw Error(what + " is too large");
    }
    columns *= array.shape[i];
  }
  const std::size_t rows = array.shape.empty() ? 1 : array.shape[0];
  array.values = read_values<T>(dataset, memory_type<T>(), rows, columns, what);
  return array;
}

std::vector<std::uint8_t> read_enums(hid_t group, const char* name, std::size_t rows, Names names) {
  const std::string what = member_path(group, name);
  const Dataset dataset = open_dataset(group, name);
  const Type type(HIEREVO_H5(H5Dget_type, dataset));
  if (H5Tget_class(type) != H5T_ENUM || H5Tget_size(type) != 1) {
    throw Error(what + " has a wrong type (not an enumeration of bytes)");
  }
  for (std::size_t i = 0; i < names.size(); ++i) {
    std::uint8_t value = 0;
    if (H5Tenum_valueof(type, std::string(names[i]).c_str(), &value) < 0 || value != i) {
      throw Error(fmt::format("{} does not call its value {} '{}'", what, i, names[i]));
    }
  }
  const std::size_t found = shape_of(dataset, 1, what)[0];
  require_rows(found, rows, what);
  return read_values<std::uint8_t>(dataset, type, found, 1, what);
}

std::vector<std::string> read_strings(hid_t group, const char* name, std::size_t rows) {
  const std::string what = member_path(group, name);
  const Dataset dataset = open_dataset(group, name);
  const Type stored_type(HIEREVO_H5(H5Dget_type, dataset));
  const Type type = text_type();
  require_type(stored_type, type, what);
  const std::size_t found = shape_of(dataset, 1, what)[0];
  require_rows(found, rows, what);
  if (found == 0) return {};

  const std::size_t reference_size = H5Tget_size(stored_type);
  if (found > SIZE_MAX / reference_size) throw Error(what + " is too large");
  admit_texts(dataset, found, reference_size, what);
  TextStore store{file_bytes(dataset) + found, {}};
  const Properties transfer(HIEREVO_H5(H5Pcreate, H5P_DATASET_XFER));
  HIEREVO_H5(H5Pset_vlen_mem_manager, transfer, &TextStore::allocate, &store, &TextStore::release,
             &store);
  std::vector<const char*> pointers(found, nullptr);
  HIEREVO_H5(H5Dread, dataset, type, H5S_ALL, H5S_ALL, transfer, pointers.data());
  std::vector<std::string> values(found);
  std::transform(pointers.begin(), pointers.end(), values.begin(),
                 [](const char* text) { return text == nullptr ? "" : std::string(text); });
  return values;
}

template Dataset write_array<float>(hid_t, const char*, std::span<const std::size_t>,
                                    std::span<const float>);
template Array<float> read_array<float>(hid_t, const char*);

#define HIEREVO_H5_DATASETS_OF(T)                                           \
  template Dataset write_vector<T>(hid_t, const char*, std::span<const T>); \
  template Dataset write_matrix<T>(hid_t, const char*, const Matrix<T>&);   \
  template std::vector<T> read_vector<T>(hid_t, const char*, std::size_t);  \
  template Matrix<T> read_matrix<T>(hid_t, const char*, std::size_t)
HIEREVO_H5_DATASETS_OF(std::uint8_t);
HIEREVO_H5_DATASETS_OF(std::int32_t);
HIEREVO_H5_DATASETS_OF(std::uint32_t);
HIEREVO_H5_DATASETS_OF(std::int64_t);
HIEREVO_H5_DATASETS_OF(std::uint64_t);
HIEREVO_H5_DATASETS_OF(float);
HIEREVO_H5_DATASETS_OF(double);

}  // namespace hierevo::io::h5
