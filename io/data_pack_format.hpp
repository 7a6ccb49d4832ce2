// Names and numbers of a data pack, as io/FORMAT.md lists them.
#pragma once

#include <cstdint>
#include <string_view>

namespace hierevo::io {

inline constexpr std::string_view data_pack_format = "hierevo.data";
inline constexpr std::uint32_t data_pack_version = 1;

}  // namespace hierevo::io
