#include "h5.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <exception>
#include <limits>
#include <string_view>
#include <utility>

namespace hierevo::io::h5 {

namespace {

std::mutex& library_mutex() {
  static std::mutex mutex;
  // Whatever is open has an owner here that closes it. HDF5's own cleanup at process exit finds
  // only what it lost itself in a damaged file, and complains about that at length.
  static const herr_t no_cleaning = H5dont_atexit();
  static_cast<void>(no_cleaning);
  return mutex;
}

/// About a failed read or write HDF5 reports the time, the file's number and much else: returns
/// only the system's message.
std::string system_message_in(const std::string& text) {
  constexpr std::string_view sign = "error message = '";
  const std::size_t begin = text.find(sign);
  if (begin == std::string::npos) return text;
  const std::size_t from = begin + sign.size();
  return text.substr(from, text.find('\'', from) - from);
}

/// Keeps the description of the innermost failure, which is the specific one.
herr_t first_description(unsigned depth, const H5E_error2_t* error, void* text) noexcept {
  try {
    if (depth == 0 && error->desc != nullptr) *static_cast<std::string*>(text) = error->desc;
  } catch (const std::exception&) {
    // Out of memory: then without the description, as no exception may pass through HDF5.
  }
  return 0;
}

/// HDF5's message about the last failure.
std::string why_it_failed() {
  std::string why;
  H5Ewalk2(H5E_DEFAULT, H5E_WALK_UPWARD, first_description, &why);
  H5Eclear2(H5E_DEFAULT);
  return why.empty() ? "no reason given" : system_message_in(why);
}

/// Whether a close has failed in this session, and why the first did.
struct FailedClose {
  bool any = false;
  std::string why;
};
/// Guarded by the library's mutex.
// NOLINTNEXTLINE(cppcoreguidelines-avoid-non-const-global-variables): handles do not know a session
FailedClose failed_close;

// Large steps, since the library copies the whole file whenever it has to grow it.
constexpr std::size_t memory_increment = std::size_t{1} << 20;

Properties in_memory() {
  Properties access(HIEREVO_H5(H5Pcreate, H5P_FILE_ACCESS));
  HIEREVO_H5(H5Pset_fapl_core, access, memory_increment, false);
  return access;
}

Properties on_disk() {
  Properties access(HIEREVO_H5(H5Pcreate, H5P_FILE_ACCESS));
  HIEREVO_H5(H5Pset_libver_bounds, access, H5F_LIBVER_V110, H5F_LIBVER_V110);
  HIEREVO_H5(H5Pset_file_locking, access, false, true);
  return access;
}

/// What may be read of a file of this many bytes: a small one may compress its few values well.
hsize_t packed(hsize_t bytes, hsize_t packing) {
  constexpr hsize_t always = hsize_t{1} << 20;
  return always + packing * bytes;
}

/// "32-bit signed integer"
std::string describe(hid_t type) {
  const std::size_t bits = 8 * H5Tget_size(type);
  switch (H5Tget_class(type)) {
    case H5T_INTEGER:
      return fmt::format("{}-bit {} integer", bits,
                         H5Tget_sign(type) == H5T_SGN_NONE ? "unsigned" : "signed");
    case H5T_FLOAT:
      return fmt::format("{}-bit floating-point number", bits);
    case H5T_STRING:
      return H5Tis_variable_str(type) > 0 ? "text of variable length" : "text of fixed length";
    case H5T_ENUM:
      return fmt::format("{}-bit enumeration", bits);
    default:
      return "another type";
  }
}

}  // namespace

Session::Session() : lock_(library_mutex()) {
  failed_close = {};
  limit_values(std::numeric_limits<hsize_t>::max());
  H5Eget_auto2(H5E_DEFAULT, &handler_, &handler_data_);
  H5Eset_auto2(H5E_DEFAULT, nullptr, nullptr);
}

Session::~Session() {
  H5Eclear2(H5E_DEFAULT);
  H5Eset_auto2(H5E_DEFAULT, handler_, handler_data_);
}

void throw_failed_call(const char* function) {
  throw Error(fmt::format("HDF5 refuses {} ({})", function, why_it_failed()));
}

void note_failed_close() noexcept {
  if (std::exchange(failed_close.any, true)) return;
  try {
    failed_close.why = why_it_failed();
  } catch (const std::exception&) {
    failed_close.why.clear();
  }
}

void throw_if_a_close_failed() {
  const FailedClose failed = std::exchange(failed_close, {});
  if (failed.any) throw Error(fmt::format("HDF5 cannot close what was written ({})", failed.why));
}

File create_file() {
  Properties creation(HIEREVO_H5(H5Pcreate, H5P_FILE_CREATE));
  HIEREVO_H5(H5Pset_userblock, creation, user_block_size);
  HIEREVO_H5(H5Pset_obj_track_times, creation, false);
  return File(HIEREVO_H5(H5Fcreate, "made in memory", H5F_ACC_TRUNC, creation, in_memory()));
}

std::vector<std::byte> image(const File& file) {
  throw_if_a_close_failed();
  HIEREVO_H5(H5Fflush, file, H5F_SCOPE_LOCAL);
  const ssize_t size = HIEREVO_H5(H5Fget_file_image, file, nullptr, 0);
  std::vector<std::byte> bytes(static_cast<std::size_t>(size));
  HIEREVO_H5(H5Fget_file_image, file, bytes.data(), bytes.size());
  return bytes;
}

File open_file(std::span<const std::byte> bytes, hsize_t most_values) {
  const Properties access = in_memory();
  // The library copies the image, but takes it as non-const.
  HIEREVO_H5(H5Pset_file_image, access, const_cast<std::byte*>(bytes.data()), bytes.size());
  limit_values(std::min(most_values, packed(bytes.size(), packing_of_tables)));
  return File(HIEREVO_H5(H5Fopen, "read in memory", H5F_ACC_RDONLY, access));
}

File create_file_at(const std::string& path) {
  const Properties creation(HIEREVO_H5(H5Pcreate, H5P_FILE_CREATE));
  HIEREVO_H5(H5Pset_obj_track_times, creation, false);
  return File(HIEREVO_H5(H5Fcreate, path.c_str(), H5F_ACC_TRUNC, creation, on_disk()));
}

File open_file_at(const std::string& path, hsize_t packing) {
  File file(HIEREVO_H5(H5Fopen, path.c_str(), H5F_ACC_RDONLY, on_disk()));
  limit_values(packed(file_bytes(file), packing));
  return file;
}

Group create_group(hid_t parent, const char* name) {
  const Properties creation(HIEREVO_H5(H5Pcreate, H5P_GROUP_CREATE));
  HIEREVO_H5(H5Pset_obj_track_times, creation, false);
  return Group(HIEREVO_H5(H5Gcreate2, parent, name, H5P_DEFAULT, creation, H5P_DEFAULT));
}

Group open_group(hid_t parent, const char* name) {
  require_member(parent, name);
  return Group(HIEREVO_H5(H5Gopen2, parent, name, H5P_DEFAULT));
}

bool has_member(hid_t group, const char* name) {
  return HIEREVO_H5(H5Lexists, group, name, H5P_DEFAULT) > 0;
}

void require_member(hid_t group, const char* name) {
  const std::string what = member_path(group, name);
  if (!has_member(group, name)) throw Error(what + " is missing");
  H5L_info_t info{};
  HIEREVO_H5(H5Lget_info, group, name, &info, H5P_DEFAULT);
  // Other links may point to other files.
  if (info.type != H5L_TYPE_HARD) throw Error(what + " is a link to somewhere else");
}

std::string member_path(hid_t group, const char* name) {
  const std::string path = path_of(group);
  return fmt::format("{}{}{}", path, path.ends_with('/') ? "" : "/", name);
}

std::string path_of(hid_t object) {
  std::string path(256, '\0');
  const ssize_t length = HIEREVO_H5(H5Iget_name, object, path.data(), path.size());
  path.resize(std::min(static_cast<std::size_t>(length), path.size() - 1));
  return path;
}

// clang-format off
template <> hid_t memory_type<std::uint8_t>() { return H5T_NATIVE_UINT8; }
template <> hid_t memory_type<std::int32_t>() { return H5T_NATIVE_INT32; }
template <> hid_t memory_type<std::uint32_t>() { return H5T_NATIVE_UINT32; }
template <> hid_t memory_type<std::int64_t>() { return H5T_NATIVE_INT64; }
template <> hid_t memory_type<std::uint64_t>() { return H5T_NATIVE_UINT64; }
template <> hid_t memory_type<float>() { return H5T_NATIVE_FLOAT; }
template <> hid_t memory_type<double>() { return H5T_NATIVE_DOUBLE; }
template <> hid_t file_type<std::uint8_t>() { return H5T_STD_U8LE; }
template <> hid_t file_type<std::int32_t>() { return H5T_STD_I32LE; }
template <> hid_t file_type<std::uint32_t>() { return H5T_STD_U32LE; }
template <> hid_t file_type<std::int64_t>() { return H5T_STD_I64LE; }
template <> hid_t file_type<std::uint64_t>() { return H5T_STD_U64LE; }
template <> hid_t file_type<float>() { return H5T_IEEE_F32LE; }
template <> hid_t file_type<double>() { return H5T_IEEE_F64LE; }
// clang-format on

Type text_type() {
  Type type(HIEREVO_H5(H5Tcopy, H5T_C_S1));
  HIEREVO_H5(H5Tset_size, type, H5T_VARIABLE);
  HIEREVO_H5(H5Tset_cset, type, H5T_CSET_UTF8);
  return type;
}

void require_type(hid_t type, hid_t wanted, const std::string& what) {
  const bool integers = H5Tget_class(type) == H5T_INTEGER && H5Tget_class(wanted) == H5T_INTEGER;
  const bool same = H5Tget_class(type) == H5Tget_class(wanted) &&
                    H5Tget_size(type) == H5Tget_size(wanted) &&
                    H5Tis_variable_str(type) == H5Tis_variable_str(wanted) &&
                    (!integers || H5Tget_sign(type) == H5Tget_sign(wanted));
  if (same) return;
  throw Error(fmt::format("{} has a wrong type ({} instead of {})", what, describe(type),
                          describe(wanted)));
}

}  // namespace hierevo::io::h5
