# The API reference by Doxygen. Included, it adds the target api-reference, which writes the pages of the public
# headers into build/PRESET/api-reference/html. Run with cmake -P, it does that work:
#   DOXYGEN  the program
#   VERSION  of hierevo
#   SOURCE   the source tree
#   OUT      folder of the pages, which are written anew
# A warning is an error. None are those about missing comments of
# - data members and constants, whose names and types may say it all,
# - moves and comparisons, which do what they always do.
# Of overriding functions Doxygen takes the comment of the function that they override.
if(NOT CMAKE_SCRIPT_MODE_FILE)
  find_package(Doxygen QUIET)
  if(DOXYGEN_FOUND)
    add_custom_target(api-reference
      COMMAND ${CMAKE_COMMAND} -DDOXYGEN=${DOXYGEN_EXECUTABLE} -DVERSION=${PROJECT_VERSION}
        -DSOURCE=${PROJECT_SOURCE_DIR} -DOUT=${PROJECT_BINARY_DIR}/api-reference
        -P ${CMAKE_CURRENT_LIST_FILE}
      COMMENT "Writing the API reference")
  endif()
  return()
endif()

file(REMOVE_RECURSE ${OUT}/html)
file(MAKE_DIRECTORY ${OUT})
set(ENV{HIEREVO_VERSION} ${VERSION})
set(ENV{HIEREVO_API_REFERENCE} ${OUT})
execute_process(COMMAND ${DOXYGEN} docs/Doxyfile WORKING_DIRECTORY ${SOURCE} RESULT_VARIABLE failed)
if(failed)
  message(FATAL_ERROR "doxygen failed (${failed}).")
endif()
file(READ ${OUT}/warnings.log warnings)
foreach(excused "[^ \n]+ \\(variable\\) of [^\n]*" "[^ \n]+\\([^ \n]+ &&[^\n]*\\) noexcept[^\n]*" "operator==\\([^\n]*")
  string(REGEX REPLACE "[^\n]+ warning: Member ${excused} is not documented\\.\n" "" warnings "${warnings}")
endforeach()
if(NOT warnings STREQUAL "")
  message("${warnings}")
  message(FATAL_ERROR "The comments of the public headers have mistakes.")
endif()
message(STATUS "The API reference is ${OUT}/html/index.html")
