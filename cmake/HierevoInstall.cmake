# Installs the modules that were built, their headers, and the package that find_package(hierevo) reads.
include(CMakePackageConfigHelpers)

get_property(hierevo_modules GLOBAL PROPERTY HIEREVO_MODULES)
set(hierevo_package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/hierevo)

foreach(module ${hierevo_modules})
  install(TARGETS hierevo_${module} EXPORT hierevo-targets
    ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR}
    LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR}
    RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
  if(IS_DIRECTORY ${PROJECT_SOURCE_DIR}/include/hierevo/${module})
    install(DIRECTORY include/hierevo/${module} DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/hierevo
      FILES_MATCHING PATTERN "*.hpp")
  endif()
endforeach()

install(FILES include/hierevo/nn/training_options.hpp  # of training_options, also without nn
  DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/hierevo/nn)

if(HIEREVO_WITH_MPI AND MPI_C_COMPILER)
  find_program(hierevo_mpi ${MPI_C_COMPILER} NO_CACHE)  # it may be a name without a path
endif()
install(EXPORT hierevo-targets NAMESPACE hierevo:: DESTINATION ${hierevo_package_dir})
configure_package_config_file(cmake/hierevo-config.cmake.in
  ${PROJECT_BINARY_DIR}/hierevo-config.cmake INSTALL_DESTINATION ${hierevo_package_dir})
write_basic_package_version_file(${PROJECT_BINARY_DIR}/hierevo-config-version.cmake
  COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/hierevo-config.cmake cmake/HierevoFmtFirst.cmake
  ${PROJECT_BINARY_DIR}/hierevo-config-version.cmake DESTINATION ${hierevo_package_dir})
install(FILES LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR})
install(DIRECTORY genotypes protocols DESTINATION ${CMAKE_INSTALL_DATADIR}/hierevo)
install(DIRECTORY slurm DESTINATION ${CMAKE_INSTALL_DATADIR}/hierevo USE_SOURCE_PERMISSIONS
  PATTERN site.sh EXCLUDE PATTERN spank EXCLUDE)
