# How the house is put together: one static library a layer, one shared library of them all, one binary, one test
# program a folder.

# The precompiled header of everything that uses LibTorch: torch/torch.h costs 20 s a file without it.
add_library(physgen_pch OBJECT ${PROJECT_SOURCE_DIR}/cmake/precompiled.cpp)
target_link_libraries(physgen_pch PRIVATE physgen_options physgen_torch Eigen3::Eigen)
target_precompile_headers(physgen_pch PRIVATE <torch/torch.h>)

set(PHYSGEN_LAYERS "" CACHE INTERNAL "")

# physgen_layer(NAME [TORCH] [FOLDER folder] [SOURCES names…] [EXCEPT names…] [LINK targets…])
# The sources are src/FOLDER/*.cpp (and *.cu with CUDA), or the named ones. TORCH: compiled against LibTorch.
function(physgen_layer name)
  cmake_parse_arguments(LAYER "TORCH" "FOLDER" "SOURCES;EXCEPT;LINK" ${ARGN})
  if(NOT LAYER_FOLDER)
    set(LAYER_FOLDER ${name})
  endif()
  if(LAYER_SOURCES)
    list(TRANSFORM LAYER_SOURCES REPLACE "(.+)" "${PROJECT_SOURCE_DIR}/src/${LAYER_FOLDER}/\\1.cpp" OUTPUT_VARIABLE files)
  else()
    file(GLOB files CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/src/${LAYER_FOLDER}/*.cpp)
    if(PHYSGEN_HAS_CUDA)
      file(GLOB cuda_files CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/src/${LAYER_FOLDER}/*.cu)
      list(APPEND files ${cuda_files})
    endif()
    foreach(except IN LISTS LAYER_EXCEPT)
      list(FILTER files EXCLUDE REGEX "/${except}\\.cpp$")
    endforeach()
  endif()
  if(NOT files)
    set(files ${PROJECT_SOURCE_DIR}/cmake/empty.cpp)
  endif()
  add_library(physgen_${name} STATIC ${files})
  target_link_libraries(physgen_${name} PUBLIC physgen_options ${LAYER_LINK})
  if(LAYER_TORCH)
    target_link_libraries(physgen_${name} PUBLIC physgen_torch)
    target_precompile_headers(physgen_${name} REUSE_FROM physgen_pch)
  endif()
  set(PHYSGEN_LAYERS ${PHYSGEN_LAYERS} physgen_${name} CACHE INTERNAL "")
endfunction()

# The one library that users link: every layer whole.
function(physgen_library)
  add_library(physgen SHARED ${PROJECT_SOURCE_DIR}/cmake/empty.cpp)
  foreach(layer IN LISTS PHYSGEN_LAYERS)
    target_link_libraries(physgen PRIVATE $<LINK_LIBRARY:WHOLE_ARCHIVE,${layer}>)
  endforeach()
  # The layers also link each other, without the feature.
  list(JOIN PHYSGEN_LAYERS "," layers)
  set_property(TARGET physgen PROPERTY LINK_LIBRARY_OVERRIDE "WHOLE_ARCHIVE,${layers}")
  target_include_directories(physgen INTERFACE
    $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/include> $<INSTALL_INTERFACE:include>)
  set_target_properties(physgen PROPERTIES VERSION ${PROJECT_VERSION} SOVERSION ${PROJECT_VERSION_MAJOR})
  add_library(physgen::physgen ALIAS physgen)
endfunction()

function(physgen_tool)
  file(GLOB files CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/tools/*.cpp)
  add_executable(physgen_tool ${files})
  set_target_properties(physgen_tool PROPERTIES OUTPUT_NAME physgen RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR})
  target_link_libraries(physgen_tool PRIVATE physgen_options physgen CLI11::CLI11 spdlog::spdlog
    nlohmann_json::nlohmann_json Eigen3::Eigen)
endfunction()

# physgen_test(FOLDER LINK targets…): one program and one CTest entry of all tests/FOLDER/*_test.cpp.
function(physgen_test folder)
  cmake_parse_arguments(TEST "" "" "LINK" ${ARGN})
  file(GLOB files CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/${folder}/*_test.cpp)
  if(NOT files)
    return()
  endif()
  add_executable(${folder}_test ${files})
  target_link_libraries(${folder}_test PRIVATE ${TEST_LINK} GTest::gtest_main)
  target_include_directories(${folder}_test PRIVATE ${CMAKE_CURRENT_SOURCE_DIR})
  target_compile_definitions(${folder}_test PRIVATE
    PHYSGEN_SOURCE_DIR="${PROJECT_SOURCE_DIR}" PHYSGEN_BINARY_DIR="${PROJECT_BINARY_DIR}")
  if(PHYSGEN_PYTHON)
    target_compile_definitions(${folder}_test PRIVATE PHYSGEN_PYTHON="${PHYSGEN_PYTHON}")
  endif()
  get_target_property(linked ${folder}_test LINK_LIBRARIES)
  add_test(NAME ${folder} COMMAND ${folder}_test --gtest_brief=1)
  if(PHYSGEN_SANITIZE)
    set_tests_properties(${folder} PROPERTIES
      ENVIRONMENT "LSAN_OPTIONS=suppressions=${PROJECT_SOURCE_DIR}/cmake/leaks.supp")
  endif()
endfunction()
