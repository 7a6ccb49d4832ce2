# Packages, made by cpack in the build folder:
#   cpack -G DEB   hierevo (programs), libhierevo-dev (development) and hierevo-slurm-plugin, for the system that
#                  they were built on: they require its packages of LibTorch, MPI and HDF5
#   cpack -G TGZ   the programs for any folder, with the shared libraries that they need, except those that a
#                  cluster has of its own: the C library, MPI, LibTorch and what belongs to GPUs (INSTALL.md)
set(CPACK_PACKAGE_NAME hierevo)
set(CPACK_PACKAGE_VENDOR "hierevo")
set(CPACK_PACKAGE_CONTACT "The developers of hierevo")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "architecture search by evolution on clusters")
set(CPACK_PACKAGE_DESCRIPTION "Finds convolutional cells by asynchronous evolution over hierarchical genotypes,
on one machine or on many nodes of a cluster, and trains the networks built from them.")
set(CPACK_RESOURCE_FILE_LICENSE ${PROJECT_SOURCE_DIR}/LICENSE)
set(CPACK_VERBATIM_VARIABLES ON)
set(CPACK_STRIP_FILES ON)
set(CPACK_INSTALL_DEFAULT_DIRECTORY_PERMISSIONS ${CMAKE_INSTALL_DEFAULT_DIRECTORY_PERMISSIONS})
set(CPACK_THREADS 0)
set(CPACK_PROJECT_CONFIG_FILE ${PROJECT_SOURCE_DIR}/cmake/HierevoPackageOptions.cmake)

# What the tar file brings along: all that the programs load, but for these.
install(RUNTIME_DEPENDENCY_SET hierevo-libraries
  PRE_EXCLUDE_REGEXES
    "^ld-linux" "^lib(c|m|dl|rt|pthread|resolv|util|anl|nsl|mvec)\\.so"
    "^lib(mpi(ch)?|open-rte|open-pal|pmix|pmi2?)[.-]" "^lib(torch|c10|caffe2|shm)"
    "^lib(cuda|cublas|cudnn|cufft|cufile|cupti|curand|cusolver|cusparse|nccl|nvidia|nv[A-Zrs])"
  POST_EXCLUDE_REGEXES "/libhierevo_[a-z_]+\\.so"
  LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT libraries EXCLUDE_FROM_ALL)

# Debian requires the license of each package under this name.
foreach(package hierevo:programs libhierevo-dev:development hierevo-slurm-plugin:slurm)
  string(REPLACE ":" ";" package ${package})
  list(GET package 0 name)
  list(GET package 1 component)
  install(FILES LICENSE DESTINATION ${CMAKE_INSTALL_DATADIR}/doc/${name} RENAME copyright
    COMPONENT ${component} EXCLUDE_FROM_ALL)
endforeach()

set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PROGRAMS_PACKAGE_NAME hierevo)
set(CPACK_DEBIAN_PROGRAMS_PACKAGE_SECTION science)
set(CPACK_DEBIAN_PROGRAMS_PACKAGE_RECOMMENDS "mpi-default-bin, bash-completion")
set(CPACK_DEBIAN_PROGRAMS_PACKAGE_SUGGESTS dataset-fashion-mnist)
set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_NAME libhierevo-dev)
set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_SECTION libdevel)
set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_SHLIBDEPS OFF)
set(CPACK_COMPONENT_PROGRAMS_DESCRIPTION "The programs, with protocols, job scripts and manual pages.")
set(CPACK_COMPONENT_DEVELOPMENT_DESCRIPTION "Libraries, headers and the CMake package, for programs that embed
the search or parts of it.")
set(development cmake libfmt-dev nlohmann-json3-dev libboost-dev libhdf5-dev zlib1g-dev libjpeg-dev)
if(HIEREVO_WITH_MPI)
  list(APPEND development mpi-default-dev)
endif()
if(HIEREVO_WITH_TORCH)
  list(APPEND development libtorch-dev)
endif()
if(HIEREVO_WITH_ONNX)
  list(APPEND development libonnx-dev libprotobuf-dev)
endif()
if(HIEREVO_WITH_GRAPHVIZ)
  list(APPEND development libgraphviz-dev)
endif()
if(BUILD_SHARED_LIBS)
  list(APPEND development "hierevo (= ${PROJECT_VERSION})")
endif()
list(JOIN development ", " CPACK_DEBIAN_DEVELOPMENT_PACKAGE_DEPENDS)

# Slurm refuses plugins that were built for another of its releases.
set(HIEREVO_PACKAGES programs development)
if(TARGET hierevo_spank AND SLURM_INCLUDE_DIR)
  file(STRINGS ${SLURM_INCLUDE_DIR}/slurm/slurm_version.h number REGEX "define SLURM_VERSION_NUMBER")
  string(REGEX MATCH "0x[0-9a-f]+" number "${number}")
  math(EXPR major "(${number} >> 16) & 255")
  math(EXPR minor "(${number} >> 8) & 255")
  math(EXPR next "${minor} + 1")
  foreach(part minor next)
    if(${part} LESS 10)
      set(${part} 0${${part}})
    endif()
  endforeach()
  list(APPEND HIEREVO_PACKAGES slurm)
  set(CPACK_DEBIAN_SLURM_PACKAGE_NAME hierevo-slurm-plugin)
  set(CPACK_DEBIAN_SLURM_PACKAGE_SECTION admin)
  set(CPACK_DEBIAN_SLURM_PACKAGE_DEPENDS "slurm-wlm-basic-plugins (>= ${major}.${minor}), slurm-wlm-basic-plugins (<< ${major}.${next})")
  set(CPACK_COMPONENT_SLURM_DESCRIPTION "The SPANK plugin that stages data on the disks of a job's nodes. An
administrator switches it on in plugstack.conf.")
endif()
set(CPACK_COMPONENTS_ALL ${HIEREVO_PACKAGES} libraries)
include(CPack)
