# hierevo_fmt_first(VARIABLE FOLDER)
# Some builds of Torch (PyPI's) include headers of another fmt, which would be used instead of those of
# the fmt that hierevo links with. For such a build, puts our fmt's headers, and nothing else, into
# FOLDER, and sets VARIABLE to it: search it before Torch's headers. Otherwise VARIABLE is empty. To be
# called after find_package of fmt and Torch.
function(hierevo_fmt_first variable folder)
  set(${variable} "" PARENT_SCOPE)
  set(theirs ${TORCH_INCLUDE_DIRS})
  list(FILTER theirs EXCLUDE REGEX "^/usr/include$")
  list(TRANSFORM theirs APPEND /fmt/core.h)
  get_target_property(ours fmt::fmt INTERFACE_INCLUDE_DIRECTORIES)
  foreach(header ${theirs})
    if(EXISTS ${header})
      foreach(place ${ours} ${CMAKE_CXX_IMPLICIT_INCLUDE_DIRECTORIES})
        if(EXISTS ${place}/fmt/core.h)
          file(MAKE_DIRECTORY ${folder})
          file(CREATE_LINK ${place}/fmt ${folder}/fmt SYMBOLIC)
          set(${variable} ${folder} PARENT_SCOPE)
          return()
        endif()
      endforeach()
    endif()
  endforeach()
endfunction()
