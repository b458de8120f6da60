# cmake --install build --prefix P: the library, its headers, the binary, and what find_package and pkg-config read.

include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

set(PHYSGEN_CMAKE_DIR ${CMAKE_INSTALL_LIBDIR}/cmake/physgen)
set(PHYSGEN_SHARE_DIR ${CMAKE_INSTALL_DATADIR}/physgen)

# What the headers of the torch-free interface need, and all that a user has to have to compile against it.
target_link_libraries(physgen PUBLIC Eigen3::Eigen nlohmann_json::nlohmann_json)
target_link_libraries(physgen_client_only PUBLIC Eigen3::Eigen)
target_compile_features(physgen PUBLIC cxx_std_20)
target_compile_features(physgen_client_only PUBLIC cxx_std_20)
# LibTorch (and CUDA) and Arrow are found in the environment that the installed scripts/setup makes, else where they were
# at the build, unless that is to be forgotten: no user of the library links them.
option(PHYSGEN_RELOCATABLE "The installed library knows no folder of this build: for packages" OFF)
string(REGEX MATCH "lib/python[^/]+/site-packages" site_packages ${PHYSGEN_LIBTORCH_LIBRARIES})
if(site_packages)
  file(RELATIVE_PATH share_from_lib /${CMAKE_INSTALL_LIBDIR} /${PHYSGEN_SHARE_DIR})
  set(packages torch/lib)
  if(PHYSGEN_HAS_ARROW)
    list(APPEND packages pyarrow)
  endif()
  if(PHYSGEN_HAS_CUDA)
    list(APPEND packages nvidia/cu${CUDAToolkit_VERSION_MAJOR}/lib)
  endif()
  list(TRANSFORM packages PREPEND $ORIGIN/${share_from_lib}/.venv/${site_packages}/ OUTPUT_VARIABLE PHYSGEN_INSTALL_RPATH)
endif()
if(NOT PHYSGEN_RELOCATABLE)
  list(APPEND PHYSGEN_INSTALL_RPATH ${PHYSGEN_LIBTORCH_LIBRARIES} ${PHYSGEN_ARROW_LIBRARY_DIR})
  set_target_properties(physgen PROPERTIES INSTALL_RPATH_USE_LINK_PATH TRUE)
endif()
set_target_properties(physgen PROPERTIES INSTALL_RPATH "${PHYSGEN_INSTALL_RPATH}")

install(TARGETS physgen physgen_client_only EXPORT physgenTargets LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(EXPORT physgenTargets NAMESPACE physgen:: DESTINATION ${PHYSGEN_CMAKE_DIR})
install(DIRECTORY include/physgen DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} FILES_MATCHING PATTERN "*.h")

set(PHYSGEN_CONFIG_TORCH_HINT ${PHYSGEN_LIBTORCH})
if(PHYSGEN_RELOCATABLE)
  set(PHYSGEN_CONFIG_TORCH_HINT)
endif()
configure_package_config_file(cmake/PhysGenConfig.cmake.in ${PROJECT_BINARY_DIR}/physgenConfig.cmake
  INSTALL_DESTINATION ${PHYSGEN_CMAKE_DIR} PATH_VARS PHYSGEN_SHARE_DIR NO_SET_AND_CHECK_MACRO)
write_basic_package_version_file(${PROJECT_BINARY_DIR}/physgenConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/physgenConfig.cmake ${PROJECT_BINARY_DIR}/physgenConfigVersion.cmake cmake/FindLibTorch.cmake
  DESTINATION ${PHYSGEN_CMAKE_DIR})

# The folder is found from where physgen.pc lies, so that an installed tree may be moved.
file(RELATIVE_PATH PHYSGEN_PREFIX_FROM_PC /${CMAKE_INSTALL_LIBDIR}/pkgconfig /)
foreach(library physgen physgen_client)
  set(PHYSGEN_PC_NAME ${library})
  set(PHYSGEN_PC_REQUIRES "eigen3 nlohmann_json")
  if(library STREQUAL "physgen_client")
    set(PHYSGEN_PC_REQUIRES eigen3)
  endif()
  configure_file(cmake/physgen.pc.in ${PROJECT_BINARY_DIR}/${library}.pc @ONLY)
  install(FILES ${PROJECT_BINARY_DIR}/${library}.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
endforeach()

# What the binary needs to run: the simulator's side, what sets that up, and the configs.
install(DIRECTORY configs DESTINATION ${PHYSGEN_SHARE_DIR})
install(DIRECTORY scripts/simulators DESTINATION ${PHYSGEN_SHARE_DIR}/scripts USE_SOURCE_PERMISSIONS
  FILES_MATCHING PATTERN "*.py")
install(PROGRAMS scripts/setup scripts/setup_libero DESTINATION ${PHYSGEN_SHARE_DIR}/scripts)
install(FILES LICENSE DESTINATION ${PHYSGEN_SHARE_DIR})

if(TARGET physgen_tool)
  file(RELATIVE_PATH lib_from_bin /${CMAKE_INSTALL_BINDIR} /${CMAKE_INSTALL_LIBDIR})
  set_target_properties(physgen_tool PROPERTIES INSTALL_RPATH "$ORIGIN/${lib_from_bin}")
  install(TARGETS physgen_tool RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
endif()
if(TARGET physgen_tool AND NOT CMAKE_CROSSCOMPILING AND NOT PHYSGEN_SANITIZE)
  set(completion ${PROJECT_BINARY_DIR}/pages/completion/physgen)
  set(manual ${PROJECT_BINARY_DIR}/pages/physgen.1)
  file(MAKE_DIRECTORY ${PROJECT_BINARY_DIR}/pages/completion)
  add_custom_command(OUTPUT ${completion} ${manual} DEPENDS physgen_tool VERBATIM
    COMMAND physgen_tool completion > ${completion} COMMAND physgen_tool manual > ${manual})
  add_custom_target(physgen_pages ALL DEPENDS ${completion} ${manual})
  install(FILES ${completion} DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions)
  install(FILES ${manual} DESTINATION ${CMAKE_INSTALL_MANDIR}/man1)
endif()

# cpack --config build/CPackConfig.cmake: a Debian package of all this; LibTorch comes by the installed scripts/setup.
if(NOT PHYSGEN_RELOCATABLE)
  return()
endif()
set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_CONTACT "The authors of PhysGen <authors@physgen.invalid>")
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SECTION science)
set(CPACK_DEBIAN_PACKAGE_DEPENDS python3-venv)
set(CPACK_DEBIAN_PACKAGE_RECOMMENDS "libeigen3-dev, nlohmann-json3-dev, g++, cmake, pkg-config")
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS_PRIVATE_DIRS
  ${PROJECT_BINARY_DIR} ${PHYSGEN_LIBTORCH_LIBRARIES} ${PHYSGEN_ARROW_LIBRARY_DIR} ${CUDAToolkit_LIBRARY_DIR})
include(CPack)
