# Read by cpack: what differs between the kinds of packages.
if(CPACK_GENERATOR MATCHES "DEB")
  list(REMOVE_ITEM CPACK_COMPONENTS_ALL libraries)
  set(CPACK_INSTALL_PREFIX /usr)
  set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
  set(CPACK_SET_DESTDIR ON)  # plugstack.conf contains the path
else()
  set(CPACK_COMPONENTS_ALL programs libraries)
  set(CPACK_COMPONENTS_GROUPING ALL_COMPONENTS_IN_ONE)
  set(CPACK_ARCHIVE_COMPONENT_INSTALL ON)
  set(CPACK_COMPONENT_INCLUDE_TOPLEVEL_DIRECTORY ON)
  set(CPACK_PRE_BUILD_SCRIPTS ${CMAKE_CURRENT_LIST_DIR}/HierevoRelocatable.cmake)
endif()
