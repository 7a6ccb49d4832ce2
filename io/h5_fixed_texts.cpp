#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "h5.hpp"

namespace hierevo::io::h5 {

namespace {

constexpr std::size_t longest_text = 4096;

Type fixed_text_type(std::size_t length) {
  Type type(HIEREVO_H5(H5Tcopy, H5T_C_S1));
  HIEREVO_H5(H5Tset_size, type, std::max<std::size_t>(length, 1));
  HIEREVO_H5(H5Tset_strpad, type, H5T_STR_NULLPAD);
  HIEREVO_H5(H5Tset_cset, type, H5T_CSET_UTF8);
  return type;
}

/// The length of the texts of this type, which must have a fixed length.
std::size_t length_of(const Type& type, const std::string& what) {
  if (H5Tget_class(type) != H5T_STRING || H5Tis_variable_str(type) != 0) {
    throw Error(what + " has a wrong type (not text of fixed length)");
  }
  const std::size_t length = H5Tget_size(type);
  if (length > longest_text) {
    throw Error(fmt::format("{} has texts of {} bytes (the longest may have {})", what, length,
                            longest_text));
  }
  return length;
}

std::string text_in(std::span<const char> bytes) {
  return {bytes.begin(), std::find(bytes.begin(), bytes.end(), '\0')};
}

std::string shortened(std::string_view text) {
  return std::string(text.substr(0, longest_text));
}

}  // namespace

void write_fixed_texts(hid_t group, const char* name, std::span<const std::string> values) {
  std::size_t length = 1;
  for (const auto& value : values) length = std::max(length, shortened(value).size());
  std::vector<char> bytes(values.size() * length, '\0');
  for (std::size_t i = 0; i < values.size(); ++i) {
    const std::string text = shortened(values[i]);
    std::copy(text.begin(), text.end(), bytes.begin() + static_cast<std::ptrdiff_t>(i * length));
  }
  const hsize_t rows = values.size();
  const Space space(HIEREVO_H5(H5Screate_simple, 1, &rows, nullptr));
  const Properties creation(HIEREVO_H5(H5Pcreate, H5P_DATASET_CREATE));
  HIEREVO_H5(H5Pset_obj_track_times, creation, false);
  HIEREVO_H5(H5Pset_chunk, creation, 1, &rows);
  HIEREVO_H5(H5Pset_fletcher32, creation);
  const Type type = fixed_text_type(length);
  const Dataset dataset(
      HIEREVO_H5(H5Dcreate2, group, name, type, space, H5P_DEFAULT, creation, H5P_DEFAULT));
  HIEREVO_H5(H5Dwrite, dataset, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, bytes.data());
}

std::vector<std::string> read_fixed_texts(hid_t group, const char* name) {
  const std::string what = member_path(group, name);
  const Dataset dataset = open_dataset(group, name);
  const Type type(HIEREVO_H5(H5Dget_type, dataset));
  const std::size_t length = length_of(type, what);
  const std::size_t rows = shape_of(dataset, 1, what)[0];
  if (rows > std::numeric_limits<std::size_t>::max() / length) throw Error(what + " is too large");
  admit_texts(dataset, rows, length, what);
  std::vector<char> bytes(rows * length);
  if (rows > 0) {
    HIEREVO_H5(H5Dread, dataset, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, bytes.data());
  }
  std::vector<std::string> values;
  for (std::size_t i = 0; i < rows; ++i) {
    values.push_back(text_in(std::span(bytes).subspan(i * length, length)));
  }
  return values;
}

void write_fixed_text_attribute(hid_t object, const char* name, std::string_view value) {
  const std::string text = shortened(value);
  const Type type = fixed_text_type(text.size());
  const Space space(HIEREVO_H5(H5Screate, H5S_SCALAR));
  const Attribute attribute(
      HIEREVO_H5(H5Acreate2, object, name, type, space, H5P_DEFAULT, H5P_DEFAULT));
  HIEREVO_H5(H5Awrite, attribute, type, text.c_str());
}

std::string read_fixed_text_attribute(hid_t object, const char* name) {
  const std::string what = attribute_path(object, name);
  const Attribute attribute = open_scalar_attribute(object, name, what);
  const Type type(HIEREVO_H5(H5Aget_type, attribute));
  std::vector<char> bytes(length_of(type, what));
  HIEREVO_H5(H5Aread, attribute, type, bytes.data());
  return text_in(bytes);
}

}  // namespace hierevo::io::h5
