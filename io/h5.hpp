#pragma once

#include <hdf5.h>

#include <cstddef>
#include <cstdint>
#include <mutex>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

/// The HDF5 library behind typed functions; used by this module only. Snapshots are files in
/// memory, data packs files on disk. Whatever it reads may be hostile: types, shapes and sizes are
/// checked before anything is allocated, and links out of the file are not followed.
namespace hierevo::io::h5 {

/// A call of HDF5 failed, or a file's content is not what was requested. The text says which, in
/// the form "what (why)", without a full stop.
class Error : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// Must exist during every use of this header: one thread at a time is in HDF5 (not every build of
/// it is thread-safe), and HDF5 prints nothing to standard error. One session reads one file.
class Session {
 public:
  Session();
  ~Session();
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

 private:
  std::lock_guard<std::mutex> lock_;
  H5E_auto2_t handler_ = nullptr;
  void* handler_data_ = nullptr;
};

[[noreturn]] void throw_failed_call(const char* function);

/// Data may stay in HDF5's memory until its dataset is closed, and closing fails if it cannot be
/// written. Destructors record that; whoever writes a file calls this once all is closed, in the
/// same session. Throws Error with HDF5's message.
void throw_if_a_close_failed();
void note_failed_close() noexcept;

/// Throws Error with HDF5's message when `result` says that `function` failed.
template <typename Result>
Result checked(Result result, const char* function) {
  if (result < 0) throw_failed_call(function);
  return result;
}

/// HIEREVO_H5(H5Dopen2, group, "name", H5P_DEFAULT): the call, checked.
#define HIEREVO_H5(function, ...) ::hierevo::io::h5::checked(function(__VA_ARGS__), #function)

/// Owns an HDF5 identifier.
template <herr_t (*close)(hid_t)>
class Handle {
 public:
  explicit Handle(hid_t id) : id_(id) {}
  Handle(Handle&& other) noexcept : id_(std::exchange(other.id_, H5I_INVALID_HID)) {}
  Handle& operator=(Handle&& other) noexcept {
    std::swap(id_, other.id_);
    return *this;
  }
  ~Handle() {
    if (id_ >= 0 && close(id_) < 0) note_failed_close();
  }
  operator hid_t() const { return id_; }

 private:
  hid_t id_;
};

using File = Handle<H5Fclose>;
using Group = Handle<H5Gclose>;
using Dataset = Handle<H5Dclose>;
using Attribute = Handle<H5Aclose>;
using Space = Handle<H5Sclose>;
using Type = Handle<H5Tclose>;
using Properties = Handle<H5Pclose>;

/// How many times the file's size its values may take: what hierevo writes is not compressed, and
/// seeds, checksums, losses and weights hardly can be, but images can.
inline constexpr hsize_t packing_of_tables = 16;
inline constexpr hsize_t packing_of_images = 256;

/// Bytes of the user block before every file made here; image() leaves them out.
inline constexpr hsize_t user_block_size = 512;

/// An empty file in memory. The same content gives the same bytes: no times are stored.
File create_file();
/// The file's bytes after the user block. All its datasets must be closed.
std::vector<std::byte> image(const File& file);
/// Opens the bytes of a whole file, user block included, for reading. They are copied. No more than
/// `most_values` bytes of values will be read, and no more than such a file may have compressed.
File open_file(std::span<const std::byte> bytes, hsize_t most_values);

/// An empty file at `path`, replacing what is there. Its structure carries checksums, which takes
/// HDF5 1.10 or later to read.
File create_file_at(const std::string& path);
/// Opens a file for reading only, without a lock: any number of processes may read, even where the
/// file system has no locks. No more than `packing` times the file's bytes of values will be read.
File open_file_at(const std::string& path, hsize_t packing = packing_of_tables);

Group create_group(hid_t parent, const char* name);
Group open_group(hid_t parent, const char* name);

/// A column-like or table-like dataset: its values row by row.
template <typename T>
struct Matrix {
  std::size_t rows = 0;
  std::size_t columns = 0;
  std::vector<T> values;

  std::span<const T> row(std::size_t index) const {
    return std::span(values).subspan(index * columns, columns);
  }
};

/// A dataset of any number of dimensions, its last index fastest.
template <typename T>
struct Array {
  std::vector<std::size_t> shape;
  std::vector<T> values;
};

/// Names of the values 0, 1, … of an enumeration.
using Names = std::span<const std::string_view>;

// Numbers are std::uint8_t, int32_t, uint32_t, int64_t, uint64_t, float or double, little-endian in
// the file. The returned dataset is for attaching attributes.
template <typename T>
Dataset write_vector(hid_t group, const char* name, std::span<const T> values);
template <typename T>
Dataset write_matrix(hid_t group, const char* name, const Matrix<T>& matrix);
template <typename T>
Dataset write_array(hid_t group, const char* name, std::span<const std::size_t> shape,
                    std::span<const T> values);
Dataset write_enums(hid_t group, const char* name, std::span<const std::uint8_t> values,
                    Names names);
/// UTF-8 of variable length, ended by the first zero byte.
Dataset write_strings(hid_t group, const char* name, std::span<const std::string> values);

// Reading throws Error unless the dataset has exactly this type and `rows` rows.
inline constexpr std::size_t any_number = static_cast<std::size_t>(-1);
template <typename T>
std::vector<T> read_vector(hid_t group, const char* name, std::size_t rows = any_number);
template <typename T>
Matrix<T> read_matrix(hid_t group, const char* name, std::size_t rows);
template <typename T>
Array<T> read_array(hid_t group, const char* name);
/// Throws Error when the datasets `names` of `group` take more bytes than the file has: some are
/// then one dataset under several names.
void require_distinct(hid_t group, std::span<const std::string> names);
/// Values of an enumeration of bytes whose members include `names`; others may appear, too.
std::vector<std::uint8_t> read_enums(hid_t group, const char* name, std::size_t rows, Names names);
std::vector<std::string> read_strings(hid_t group, const char* name, std::size_t rows);

/// An array to be filled row by row, in chunks that carry checksums; `shape` has no 0.
template <typename T>
Dataset create_rows(hid_t group, const char* name, std::span<const std::size_t> shape);
/// Writes whole rows of `shape` from row `first` on.
template <typename T>
void write_rows(const Dataset& dataset, std::span<const std::size_t> shape, std::size_t first,
                std::span<const T> values);
/// Keeps the first `rows` rows, at least one, of an array of this shape.
void cut_rows(const Dataset& dataset, std::span<const std::size_t> shape, std::size_t rows);
/// Reads an array of `dimensions` dimensions, each from 1 to 2^40. Throws Error, and names the rows
/// that cannot be read.
template <typename T>
Array<T> read_rows(hid_t group, const char* name, std::size_t dimensions);

/// A vector of bytes, contiguous in the file, to be filled piece by piece; what is not filled is
/// undefined.
Dataset create_bytes(hid_t group, const char* name, std::size_t size);
void write_bytes(const Dataset& dataset, std::size_t first, std::span<const std::byte> bytes);
/// Where such a vector lies, for readers that bypass HDF5.
struct StoredBytes {
  std::uint64_t offset;  ///< in the file
  std::uint64_t size;
};
/// Throws Error unless it is contiguous and within the file.
StoredBytes stored_bytes(hid_t group, const char* name);

// Texts of fixed length, UTF-8 padded with zero bytes: unlike those of variable length they are
// covered by the checksums of the object that holds them.
void write_fixed_texts(hid_t group, const char* name, std::span<const std::string> values);
std::vector<std::string> read_fixed_texts(hid_t group, const char* name);
void write_fixed_text_attribute(hid_t object, const char* name, std::string_view value);
std::string read_fixed_text_attribute(hid_t object, const char* name);

template <typename T>
void write_attribute(hid_t object, const char* name, T value);
void write_text_attribute(hid_t object, const char* name, std::string_view value);
void write_texts_attribute(hid_t object, const char* name, Names values);
void write_matrix_attribute(hid_t object, const char* name, const Matrix<std::int32_t>& matrix);

bool has_attribute(hid_t object, const char* name);
template <typename T>
T read_attribute(hid_t object, const char* name);
std::string read_text_attribute(hid_t object, const char* name);

// For io/h5*.cpp only.

/// HDF5's name of a number's type in memory and in the file.
template <typename T>
hid_t memory_type();
template <typename T>
hid_t file_type();
/// UTF-8 of variable length.
Type text_type();
/// "/individuals", and "/individuals/fitness" for a member of it.
std::string path_of(hid_t object);
std::string member_path(hid_t group, const char* name);
/// An attribute that exists and has one value.
Attribute open_scalar_attribute(hid_t object, const char* name, const std::string& what);
std::string attribute_path(hid_t object, const char* name);
/// Throws Error naming `what` unless `type` is like `wanted`, in any byte order.
void require_type(hid_t type, hid_t wanted, const std::string& what);
/// Bytes of the whole file that holds `object`.
hsize_t file_bytes(hid_t object);
/// A dataset directly in `group`.
Dataset open_dataset(hid_t group, const char* name);
/// The same, and it holds numbers of this type.
template <typename T>
Dataset open_numbers(hid_t group, const char* name) {
  Dataset dataset = open_dataset(group, name);
  const Type type(HIEREVO_H5(H5Dget_type, dataset));
  require_type(type, file_type<T>(), member_path(group, name));
  return dataset;
}
/// Empty for a single value.
std::vector<std::size_t> shape_of(const Dataset& dataset, const std::string& what);
std::vector<std::size_t> shape_of(const Dataset& dataset, std::size_t dimensions,
                                  const std::string& what);
/// Refuses values that lie in other files, shapes that the stored bytes cannot fill, and more
/// chunks than stored bytes, so that a small file cannot keep the program reading for long.
void check_storage(const Dataset& dataset, hsize_t value_bytes, const std::string& what);
/// To be called before this many bytes of values are allocated and read: check_storage(), and
/// refuses more than may be read of the file in total, and chunks that would unpack to more than
/// their values. Throws std::bad_alloc when the total exceeds this process's memory.
void admit(const Dataset& dataset, hsize_t value_bytes, const std::string& what);
/// The same for texts, which take more memory than they do in the file.
void admit_texts(const Dataset& dataset, std::size_t count, hsize_t stored_size,
                 const std::string& what);
/// How many bytes of values may be read from now on, in this session.
void limit_values(hsize_t bytes);
/// Part of admit(): `chunk_bytes` is the size of the values in a chunk of this shape.
void check_packed_chunks(const Dataset& dataset, std::span<const std::size_t> shape,
                         std::span<const hsize_t> chunk, hsize_t chunk_bytes,
                         const std::string& what);
bool has_member(hid_t group, const char* name);
/// Throws Error unless `group` itself has a member of this name.
void require_member(hid_t group, const char* name);

}  // namespace hierevo::io::h5
