# hierevo_fmt_first(VARIABLE FOLDER)
# Some builds of Torch (PyPI's) have headers of another fmt among their own, which would be taken for
# the one that hierevo is linked with. Where this one is such, puts our fmt's headers, and nothing
# else, into FOLDER, and sets VARIABLE to it: it is to be looked into before Torch's. Else VARIABLE is
# empty. After find_package of fmt and Torch.
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
