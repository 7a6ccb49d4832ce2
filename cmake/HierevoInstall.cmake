# Installs the modules that were built, their headers, and the package that find_package(hierevo) reads.
# Everything belongs to a component: programs, development, libraries (of others, for the tar file) or slurm
# (slurm/spank); cmake/HierevoPackages.cmake makes packages of them.
include(CMakePackageConfigHelpers)

get_property(hierevo_modules GLOBAL PROPERTY HIEREVO_MODULES)
set(hierevo_package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/hierevo)

foreach(module ${hierevo_modules})
  install(TARGETS hierevo_${module} EXPORT hierevo-targets
    ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT development
    LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT programs NAMELINK_COMPONENT development)
  if(IS_DIRECTORY ${PROJECT_SOURCE_DIR}/include/hierevo/${module})
    install(DIRECTORY include/hierevo/${module} DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/hierevo
      COMPONENT development FILES_MATCHING PATTERN "*.hpp")
  endif()
endforeach()

install(FILES include/hierevo/nn/training_options.hpp  # of training_options, also without nn
  DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/hierevo/nn COMPONENT development)

if(HIEREVO_WITH_MPI AND MPI_C_COMPILER)
  find_program(hierevo_mpi ${MPI_C_COMPILER} NO_CACHE)  # it may be a name without a path
endif()
install(EXPORT hierevo-targets NAMESPACE hierevo:: DESTINATION ${hierevo_package_dir}
  COMPONENT development)
configure_package_config_file(cmake/hierevo-config.cmake.in
  ${PROJECT_BINARY_DIR}/hierevo-config.cmake INSTALL_DESTINATION ${hierevo_package_dir})
write_basic_package_version_file(${PROJECT_BINARY_DIR}/hierevo-config-version.cmake
  COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/hierevo-config.cmake cmake/HierevoFmtFirst.cmake
  ${PROJECT_BINARY_DIR}/hierevo-config-version.cmake DESTINATION ${hierevo_package_dir}
  COMPONENT development)
install(FILES LICENSE README.md INSTALL.md CHANGELOG.md DESTINATION ${CMAKE_INSTALL_DOCDIR} COMPONENT programs)
install(DIRECTORY docs DESTINATION ${CMAKE_INSTALL_DOCDIR} COMPONENT programs
  FILES_MATCHING PATTERN "*.md" PATTERN "*.svg")
install(FILES io/FORMAT.md DESTINATION ${CMAKE_INSTALL_DOCDIR}/io COMPONENT programs)
install(DIRECTORY genotypes protocols DESTINATION ${CMAKE_INSTALL_DATADIR}/hierevo COMPONENT programs)
install(PROGRAMS slurm/imagenet.sh slurm/search.sh slurm/train.sh
  DESTINATION ${CMAKE_INSTALL_DATADIR}/hierevo/slurm COMPONENT programs)
install(FILES slurm/job.sh slurm/queue.sh slurm/site.sh.example slurm/training.sh
  DESTINATION ${CMAKE_INSTALL_DATADIR}/hierevo/slurm COMPONENT programs)
install(PROGRAMS slurm/other/search_for.sh DESTINATION ${CMAKE_INSTALL_DATADIR}/hierevo/slurm/other
  COMPONENT programs)
install(FILES slurm/other/search.flux slurm/other/search.lsf slurm/other/search.pbs
  DESTINATION ${CMAKE_INSTALL_DATADIR}/hierevo/slurm/other COMPONENT programs)

# A project that contains hierevo makes its own packages.
if(PROJECT_IS_TOP_LEVEL)
  include(HierevoPackages)
endif()
