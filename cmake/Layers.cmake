# How the house is put together: one static library a layer, one shared library of them all, one binary, one test
# program a folder.

# The precompiled header of everything that uses LibTorch: torch/torch.h costs 20 s a file without it.
add_library(physgen_pch OBJECT ${PROJECT_SOURCE_DIR}/cmake/precompiled.cpp)
target_link_libraries(physgen_pch PRIVATE physgen_options physgen_torch Eigen3::Eigen)
target_precompile_headers(physgen_pch PRIVATE <torch/torch.h>)

# physgen_layers(FILE): a target physgen_<room> for each room of the table but the programs, linked as it says.
# PHYSGEN_LAYERS lists them, PHYSGEN_PLAIN_ROOMS the names of those without LibTorch.
function(physgen_layers table)
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${table})
  set(layers)
  set(plain)
  file(STRINGS ${table} lines REGEX "^[a-z]")
  foreach(line IN LISTS lines)
    if(NOT line MATCHES "^([a-z]+) +(plain|torch|program) +(logs|-) *:(.*)$")
      message(FATAL_ERROR "${table}: this is no line of the table: ${line}")
    endif()
    if(NOT CMAKE_MATCH_2 STREQUAL "program")
      physgen_layer(${CMAKE_MATCH_1} ${CMAKE_MATCH_2} ${CMAKE_MATCH_3} "${CMAKE_MATCH_4}")
      list(APPEND layers physgen_${CMAKE_MATCH_1})
    endif()
    if(CMAKE_MATCH_2 STREQUAL "plain")
      list(APPEND plain ${CMAKE_MATCH_1})
    endif()
  endforeach()
  set(PHYSGEN_LAYERS ${layers} PARENT_SCOPE)
  set(PHYSGEN_PLAIN_ROOMS ${plain} PARENT_SCOPE)
endfunction()

# One room of the table: src/NAME/*.cpp, and *.cu with CUDA.
function(physgen_layer name built logs rooms)
  file(GLOB files CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/src/${name}/*.cpp)
  if(PHYSGEN_HAS_CUDA)
    file(GLOB cuda_files CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/src/${name}/*.cu)
    list(APPEND files ${cuda_files})
  endif()
  if(NOT PHYSGEN_HAS_ARROW)
    list(FILTER files EXCLUDE REGEX "/(parquet|lerobot)_[^/]*$")
  endif()
  add_library(physgen_${name} STATIC ${files})
  target_link_libraries(physgen_${name} PUBLIC physgen_options)
  string(REGEX MATCHALL " [a-z]+" linked "${rooms}")
  foreach(room IN LISTS linked)
    string(STRIP ${room} room)
    target_link_libraries(physgen_${name} PUBLIC physgen_${room})
  endforeach()
  if(built STREQUAL "torch")
    target_link_libraries(physgen_${name} PUBLIC physgen_torch)
    target_precompile_headers(physgen_${name} REUSE_FROM physgen_pch)
  endif()
  if(logs STREQUAL "logs")
    target_link_libraries(physgen_${name} PUBLIC spdlog::spdlog)
  endif()
endfunction()

# Files that call ATen's parallel_for: the precompiled header is that of files without OpenMP.
function(physgen_use_openmp room)
  target_compile_options(physgen_${room} PRIVATE $<$<COMPILE_LANGUAGE:CXX>:-fopenmp>)
  set_target_properties(physgen_${room} PROPERTIES DISABLE_PRECOMPILE_HEADERS ON)
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

  # For programs that build on the network: the library with LibTorch's headers. cmake/PhysGenConfig.cmake.in makes its like.
  add_library(physgen_modules INTERFACE)
  target_link_libraries(physgen_modules INTERFACE physgen physgen_torch)
  add_library(physgen::torch ALIAS physgen_modules)
endfunction()

# What a robot's program links that reaches a policy over a network: without LibTorch, and of what the rooms link it takes
# what it needs alone.
function(physgen_client_library)
  add_library(physgen_client_only SHARED ${PROJECT_SOURCE_DIR}/cmake/empty.cpp)
  foreach(layer core wire net client)
    target_link_libraries(physgen_client_only PRIVATE $<LINK_LIBRARY:WHOLE_ARCHIVE,physgen_${layer}>)
  endforeach()
  set_property(TARGET physgen_client_only PROPERTY LINK_LIBRARY_OVERRIDE
    "WHOLE_ARCHIVE,physgen_core,physgen_wire,physgen_net,physgen_client")
  target_link_options(physgen_client_only PRIVATE -Wl,--as-needed)
  target_include_directories(physgen_client_only INTERFACE
    $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/include> $<INSTALL_INTERFACE:include>)
  set_target_properties(physgen_client_only PROPERTIES OUTPUT_NAME physgen_client EXPORT_NAME client
    VERSION ${PROJECT_VERSION} SOVERSION ${PROJECT_VERSION_MAJOR})
  add_library(physgen::client ALIAS physgen_client_only)
endfunction()

function(physgen_tool)
  file(GLOB files CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/tools/*.cpp)
  add_library(physgen_tool_objects OBJECT ${files})
  target_link_libraries(physgen_tool_objects PUBLIC physgen_options CLI11::CLI11 spdlog::spdlog nlohmann_json::nlohmann_json
    Eigen3::Eigen)
  add_executable(physgen_tool)
  set_target_properties(physgen_tool PROPERTIES OUTPUT_NAME physgen RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}
    LINKER_LANGUAGE CXX)
  target_link_libraries(physgen_tool PRIVATE physgen_tool_objects physgen)
endfunction()

# The precompiled header of all tests that use LibTorch.
function(physgen_test_header)
  add_library(physgen_test_pch OBJECT ${PROJECT_SOURCE_DIR}/cmake/precompiled.cpp)
  target_link_libraries(physgen_test_pch PRIVATE physgen_options physgen_torch Eigen3::Eigen GTest::gtest)
  target_precompile_headers(physgen_test_pch PRIVATE <torch/torch.h> <gtest/gtest.h>)
endfunction()

# physgen_test_objects(FOLDER [ROOM]): FOLDER_test_objects, of all tests/FOLDER/*_test.cpp, of a room of that name or another.
function(physgen_test_objects folder)
  set(room ${folder})
  if(ARGC GREATER 1)
    set(room ${ARGV1})
  endif()
  file(GLOB files CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/${folder}/*_test.cpp)
  if(NOT files)
    message(FATAL_ERROR "tests/CMakeLists.txt names the room ${folder}, and tests/${folder} holds no *_test.cpp")
  endif()
  add_library(${folder}_test_objects OBJECT ${files})
  target_link_libraries(${folder}_test_objects PUBLIC physgen_${room} GTest::gtest_main)
  target_include_directories(${folder}_test_objects PRIVATE ${CMAKE_CURRENT_SOURCE_DIR})
  target_compile_definitions(${folder}_test_objects PRIVATE
    PHYSGEN_SOURCE_DIR="${PROJECT_SOURCE_DIR}" PHYSGEN_BINARY_DIR="${PROJECT_BINARY_DIR}")
  if(PHYSGEN_PYTHON)
    target_compile_definitions(${folder}_test_objects PRIVATE PHYSGEN_PYTHON="${PHYSGEN_PYTHON}")
  endif()
  if(NOT folder IN_LIST PHYSGEN_PLAIN_ROOMS)
    target_precompile_headers(${folder}_test_objects REUSE_FROM physgen_test_pch)
  endif()
endfunction()

# physgen_test(FOLDER [ROOM]): one program and one CTest entry of them.
function(physgen_test folder)
  physgen_test_objects(${folder} ${ARGN})
  add_executable(${folder}_test)
  set_target_properties(${folder}_test PROPERTIES LINKER_LANGUAGE CXX)
  target_link_libraries(${folder}_test PRIVATE ${folder}_test_objects)
  add_test(NAME ${folder} COMMAND ${folder}_test --gtest_brief=1)
  if(PHYSGEN_SANITIZE)
    set_tests_properties(${folder} PROPERTIES
      ENVIRONMENT "LSAN_OPTIONS=suppressions=${PROJECT_SOURCE_DIR}/cmake/leaks.supp;TSAN_OPTIONS=ignore_noninstrumented_modules=1")
  endif()
endfunction()
