#include "h5_edits.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <string>

#include "h5.hpp"
#include "hierevo/core/bytes.hpp"
#include "io/edited.hpp"

namespace hierevo::fuzz {

namespace {

using io::h5::Attribute;
using io::h5::Dataset;
using io::h5::Properties;
using io::h5::Space;
using io::h5::Type;
using Object = io::h5::Handle<H5Oclose>;

constexpr std::size_t most_edits = 8;
constexpr std::size_t longest_text = 64;
/// Larger ones get a shape but no values.
constexpr hsize_t most_values = 4096;

struct AttributePlace {
  std::string object;
  std::string name;
};

/// What a file holds, by path.
struct Places {
  std::vector<std::string> objects;
  std::vector<std::string> datasets;
  std::vector<AttributePlace> attributes;
};

// No exception may pass through HDF5, which would then leak memory.
herr_t add_name(hid_t, const char* name, const H5A_info_t*, void* names) {
  static_cast<std::vector<std::string>*>(names)->emplace_back(name);
  return 0;
}
herr_t add_path(hid_t, const char* path, const H5L_info_t*, void* paths) {
  static_cast<std::vector<std::string>*>(paths)->emplace_back(path);
  return 0;
}

/// Those of a group or dataset; none for a broken link.
void add_places_of(hid_t file, const std::string& path, Places& places) {
  if (HIEREVO_H5(H5Oexists_by_name, file, path.c_str(), H5P_DEFAULT) == 0) return;
  const Object object(HIEREVO_H5(H5Oopen, file, path.c_str(), H5P_DEFAULT));
  if (H5Iget_type(object) == H5I_DATASET) places.datasets.push_back(path);
  std::vector<std::string> names;
  HIEREVO_H5(H5Aiterate2, object, H5_INDEX_NAME, H5_ITER_INC, nullptr, add_name, &names);
  for (const std::string& name : names) places.attributes.push_back({path, name});
}

Places places_in(hid_t file) {
  Places places;
  HIEREVO_H5(H5Lvisit, file, H5_INDEX_NAME, H5_ITER_INC, add_path, &places.objects);
  add_places_of(file, ".", places);
  for (const std::string& path : places.objects) add_places_of(file, path, places);
  return places;
}

/// Any of them; the input chooses.
template <typename T>
const T& choice(const std::vector<T>& from, core::ByteReader& in) {
  return from.at(in.u8() % from.size());
}

Type any_type(core::ByteReader& in) {
  const std::array<hid_t, 12> types = {H5T_STD_U8LE,   H5T_STD_U16LE,   H5T_STD_U32LE,
                                       H5T_STD_I32LE,  H5T_STD_U64LE,   H5T_STD_I64LE,
                                       H5T_IEEE_F64LE, H5T_IEEE_F32LE,  H5T_IEEE_F64BE,
                                       H5T_C_S1,       H5T_STD_REF_OBJ, H5T_STD_I64BE};
  const std::size_t chosen = in.u8() % (types.size() + 1);
  if (chosen == types.size()) return io::h5::text_type();
  return Type(HIEREVO_H5(H5Tcopy, types.at(chosen)));
}

std::vector<hsize_t> any_shape(core::ByteReader& in) {
  std::vector<hsize_t> shape(in.u8() % 5);
  for (hsize_t& extent : shape) {
    const std::uint8_t value = in.u8();
    extent = value < 128 ? value % 16 : hsize_t{1} << (value % 64);
  }
  return shape;
}

Space space_of(const std::vector<hsize_t>& shape) {
  if (shape.empty()) return Space(HIEREVO_H5(H5Screate, H5S_SCALAR));
  return Space(HIEREVO_H5(H5Screate_simple, static_cast<int>(shape.size()), shape.data(), nullptr));
}

/// Calls use(memory) with `count` values of `type`, from the input.
template <typename Use>
void with_values(hid_t type, hsize_t count, core::ByteReader& in, Use use) {
  const std::string pattern = in.text(longest_text);
  if (H5Tis_variable_str(type) > 0) {
    const std::vector<const char*> pointers(count, pattern.c_str());
    use(pointers.data());
    return;
  }
  std::vector<char> values(count * H5Tget_size(type));
  for (std::size_t i = 0; i < values.size() && !pattern.empty(); ++i) {
    values[i] = pattern[i % pattern.size()];
  }
  use(values.data());
}

hsize_t values_in(const Space& space) {
  return static_cast<hsize_t>(HIEREVO_H5(H5Sget_simple_extent_npoints, space));
}

/// Replaces one value of a dataset by another one of its type.
void set_value(hid_t file, const Places& places, core::ByteReader& in) {
  const Dataset dataset(
      HIEREVO_H5(H5Dopen2, file, choice(places.datasets, in).c_str(), H5P_DEFAULT));
  const Space space(HIEREVO_H5(H5Dget_space, dataset));
  const hsize_t count = values_in(space);
  if (count == 0 || count > most_values) return;
  hsize_t at = in.u16() % count;
  const int rank = HIEREVO_H5(H5Sget_simple_extent_ndims, space);
  std::vector<hsize_t> shape(static_cast<std::size_t>(rank));
  HIEREVO_H5(H5Sget_simple_extent_dims, space, shape.data(), nullptr);
  std::vector<hsize_t> index(shape.size());
  for (std::size_t i = shape.size(); i-- > 0; at /= shape[i]) index[i] = at % shape[i];
  const Space one(HIEREVO_H5(H5Screate, H5S_SCALAR));
  if (rank > 0) HIEREVO_H5(H5Sselect_elements, space, H5S_SELECT_SET, 1, index.data());
  const Type type(HIEREVO_H5(H5Dget_type, dataset));
  with_values(type, 1, in, [&](const void* value) {
    HIEREVO_H5(H5Dwrite, dataset, type, one, space, H5P_DEFAULT, value);
  });
}

/// Replaces all values of an attribute by another one of its type.
void set_attribute(hid_t file, const Places& places, core::ByteReader& in) {
  const AttributePlace& place = choice(places.attributes, in);
  const Attribute attribute(HIEREVO_H5(H5Aopen_by_name, file, place.object.c_str(),
                                       place.name.c_str(), H5P_DEFAULT, H5P_DEFAULT));
  const Type type(HIEREVO_H5(H5Aget_type, attribute));
  const hsize_t count = values_in(Space(HIEREVO_H5(H5Aget_space, attribute)));
  if (count > most_values) return;
  with_values(type, count, in,
              [&](const void* values) { HIEREVO_H5(H5Awrite, attribute, type, values); });
}

/// Replaces a dataset by one of any type and shape.
void remake_dataset(hid_t file, const Places& places, core::ByteReader& in) {
  const std::string& path = choice(places.datasets, in);
  const Type type = any_type(in);
  const std::vector<hsize_t> shape = any_shape(in);
  const Space space = space_of(shape);
  const Properties creation(HIEREVO_H5(H5Pcreate, H5P_DATASET_CREATE));
  const std::uint8_t layout = in.u8();
  if (layout % 2 == 1 && !shape.empty()) {
    std::vector<hsize_t> chunk;
    for (const hsize_t extent : shape) chunk.push_back(std::clamp<hsize_t>(extent, 1, 1024));
    HIEREVO_H5(H5Pset_chunk, creation, static_cast<int>(chunk.size()), chunk.data());
    if (layout % 4 == 3) HIEREVO_H5(H5Pset_deflate, creation, 1);
  }
  HIEREVO_H5(H5Ldelete, file, path.c_str(), H5P_DEFAULT);
  const Dataset dataset(
      HIEREVO_H5(H5Dcreate2, file, path.c_str(), type, space, H5P_DEFAULT, creation, H5P_DEFAULT));
  const hsize_t count = values_in(space);
  if (count > most_values) return;
  with_values(type, count, in, [&](const void* values) {
    HIEREVO_H5(H5Dwrite, dataset, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, values);
  });
}

/// Replaces an attribute by one of any type and shape.
void remake_attribute(hid_t file, const Places& places, core::ByteReader& in) {
  const AttributePlace& place = choice(places.attributes, in);
  const Type type = any_type(in);
  const Space space = space_of(any_shape(in));
  const hsize_t count = values_in(space);
  if (count > most_values) return;
  HIEREVO_H5(H5Adelete_by_name, file, place.object.c_str(), place.name.c_str(), H5P_DEFAULT);
  const Attribute attribute(HIEREVO_H5(H5Acreate_by_name, file, place.object.c_str(),
                                       place.name.c_str(), type, space, H5P_DEFAULT, H5P_DEFAULT,
                                       H5P_DEFAULT));
  with_values(type, count, in,
              [&](const void* values) { HIEREVO_H5(H5Awrite, attribute, type, values); });
}

void remove(hid_t file, const Places& places, core::ByteReader& in) {
  if (in.u8() % 2 == 0) {
    io::test::remove_object(file, choice(places.objects, in).c_str());
  } else {
    const AttributePlace& place = choice(places.attributes, in);
    HIEREVO_H5(H5Adelete_by_name, file, place.object.c_str(), place.name.c_str(), H5P_DEFAULT);
  }
}

/// Puts one object also in place of another.
void relink(hid_t file, const Places& places, core::ByteReader& in) {
  const std::string& from = choice(places.objects, in);
  const std::string& to = choice(places.objects, in);
  const bool soft = in.u8() % 2 == 1;
  io::test::remove_object(file, to.c_str());
  if (soft) {
    HIEREVO_H5(H5Lcreate_soft, from.c_str(), file, to.c_str(), H5P_DEFAULT, H5P_DEFAULT);
  } else {
    HIEREVO_H5(H5Lcreate_hard, file, from.c_str(), file, to.c_str(), H5P_DEFAULT, H5P_DEFAULT);
  }
}

void edit(hid_t file, core::ByteReader& in) {
  constexpr std::array edits = {set_value,        set_value, set_attribute, remake_dataset,
                                remake_attribute, remove,    relink};
  const Places places = places_in(file);
  if (places.datasets.empty() || places.attributes.empty()) return;
  edits.at(in.u8() % edits.size())(file, places, in);
}

void make_edits(hid_t file, std::span<const std::byte> program) {
  core::ByteReader in(program);
  for (std::size_t i = 0; i < most_edits && in.ok() && !in.at_end(); ++i) {
    try {
      edit(file, in);
    } catch (const io::h5::Error&) {
      // HDF5 does not create such a thing: no edit.
    }
  }
}

}  // namespace

std::optional<std::vector<std::byte>> with_edits(const std::vector<std::byte>& file,
                                                 const io::FileKind& kind,
                                                 std::span<const std::byte> program) try {
  return io::test::edited(file, kind, [&](hid_t opened) { make_edits(opened, program); });
} catch (const io::h5::Error&) {
  return std::nullopt;
}

bool edit_file_at(const std::filesystem::path& path, std::span<const std::byte> program) try {
  const io::h5::Session session;
  const io::h5::File file(HIEREVO_H5(H5Fopen, path.c_str(), H5F_ACC_RDWR, H5P_DEFAULT));
  make_edits(file, program);
  return true;
} catch (const io::h5::Error&) {
  return false;
}

}  // namespace hierevo::fuzz
