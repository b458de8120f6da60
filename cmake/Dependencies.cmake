# Everything that is not ours. LibTorch gets an imported target of our own: the TorchConfig.cmake of a CUDA wheel stops
# with an error where there is no CUDA toolkit, which is what most machines look like.

find_package(Eigen3 3.3 REQUIRED NO_MODULE)
find_package(nlohmann_json 3.10 REQUIRED)
find_package(spdlog REQUIRED)
find_package(CLI11 REQUIRED)
find_package(OpenSSL REQUIRED COMPONENTS Crypto SSL)
find_package(PNG REQUIRED)
find_package(ZLIB REQUIRED)
find_package(HDF5 REQUIRED COMPONENTS C)
find_package(Threads REQUIRED)
find_package(Boost 1.74 REQUIRED)  # headers alone: Asio and Beast
find_package(prometheus-cpp REQUIRED CONFIG)
find_package(PkgConfig REQUIRED)
pkg_check_modules(FFMPEG REQUIRED IMPORTED_TARGET libavformat libavcodec libswscale libavutil)
pkg_check_modules(CAIRO REQUIRED IMPORTED_TARGET cairo)
pkg_check_modules(TURBOJPEG REQUIRED IMPORTED_TARGET libturbojpeg)

# msgpack-cxx is headers alone; its own package drags in Boost, which MSGPACK_NO_BOOST makes needless.
find_path(MSGPACK_INCLUDE_DIR msgpack.hpp REQUIRED)
add_library(msgpack-cxx INTERFACE IMPORTED)
target_include_directories(msgpack-cxx INTERFACE ${MSGPACK_INCLUDE_DIR})
target_compile_definitions(msgpack-cxx INTERFACE MSGPACK_NO_BOOST)

# --- Arrow, for LeRobot's data sets: one that CMake finds (CMAKE_PREFIX_PATH, the system's), then that of the PyArrow wheel
# in the virtual environment, which has libraries and headers but no package file.
set(PHYSGEN_ARROW AUTO CACHE STRING "Read and write LeRobot data sets: AUTO (where Arrow is), ON or OFF")
set(PHYSGEN_HAS_ARROW FALSE)
if(NOT PHYSGEN_ARROW STREQUAL "OFF")
  find_package(Parquet 24 QUIET CONFIG)
  file(GLOB PHYSGEN_PYARROW ${PROJECT_SOURCE_DIR}/.venv/lib/python3*/site-packages/pyarrow)
  file(GLOB PHYSGEN_ARROW_LIBRARIES ${PHYSGEN_PYARROW}/libarrow.so.[0-9]* ${PHYSGEN_PYARROW}/libparquet.so.[0-9]*)
  list(FILTER PHYSGEN_ARROW_LIBRARIES INCLUDE REGEX "\\.so\\.[0-9]+$")
  list(LENGTH PHYSGEN_ARROW_LIBRARIES PHYSGEN_ARROW_LIBRARY_COUNT)
  add_library(physgen_arrow INTERFACE)
  if(TARGET Parquet::parquet_shared)
    set(PHYSGEN_HAS_ARROW TRUE)
    target_link_libraries(physgen_arrow INTERFACE Parquet::parquet_shared)
  elseif(PHYSGEN_ARROW_LIBRARY_COUNT EQUAL 2)
    set(PHYSGEN_HAS_ARROW TRUE)
    target_include_directories(physgen_arrow SYSTEM INTERFACE ${PHYSGEN_PYARROW}/include)
    target_link_libraries(physgen_arrow INTERFACE ${PHYSGEN_ARROW_LIBRARIES})
    set(PHYSGEN_ARROW_LIBRARY_DIR ${PHYSGEN_PYARROW})
    # The wheel's libparquet shows the symbols of an OpenSSL of its own: the system's must come first in every program, or
    # its libssl would call into the other one, and crash.
    add_link_options("LINKER:--push-state,--no-as-needed" ${OPENSSL_SSL_LIBRARY} ${OPENSSL_CRYPTO_LIBRARY}
      "LINKER:--pop-state")
  elseif(PHYSGEN_ARROW STREQUAL "ON")
    message(FATAL_ERROR "PHYSGEN_ARROW=ON needs Arrow's C++ libraries and headers.\n"
      "  Run scripts/setup, which installs the PyArrow wheel in .venv, or name your own: -DCMAKE_PREFIX_PATH=/path/to/arrow")
  endif()
endif()
message(STATUS "Arrow: ${PHYSGEN_HAS_ARROW}")

# --- LibTorch: CMAKE_PREFIX_PATH first, then the virtual environment that scripts/setup makes.
include(cmake/FindLibTorch.cmake)
file(GLOB PHYSGEN_VENV_TORCH ${PROJECT_SOURCE_DIR}/.venv/lib/python3*/site-packages/torch)
physgen_find_libtorch(${PHYSGEN_VENV_TORCH})
if(NOT PHYSGEN_LIBTORCH)
  message(FATAL_ERROR "LibTorch was not found.\n  Run scripts/setup, or name your own: -DCMAKE_PREFIX_PATH=/path/to/libtorch")
endif()
set(PHYSGEN_LIBTORCH_LIBRARIES ${PHYSGEN_LIBTORCH}/lib)
message(STATUS "LibTorch ${PHYSGEN_LIBTORCH_VERSION}: ${PHYSGEN_LIBTORCH}")

set(PHYSGEN_CUDA AUTO CACHE STRING "Build for CUDA: AUTO (where a toolkit and a CUDA LibTorch are), ON or OFF")
set(PHYSGEN_HAS_CUDA FALSE)
if(NOT PHYSGEN_CUDA STREQUAL "OFF")
  find_package(CUDAToolkit QUIET)
  include(CheckLanguage)
  check_language(CUDA)
  if(CUDAToolkit_FOUND AND CMAKE_CUDA_COMPILER AND EXISTS ${PHYSGEN_LIBTORCH_LIBRARIES}/libtorch_cuda.so)
    set(PHYSGEN_HAS_CUDA TRUE)
  elseif(PHYSGEN_CUDA STREQUAL "ON")
    message(FATAL_ERROR "PHYSGEN_CUDA=ON needs a CUDA toolkit (nvcc) and a CUDA build of LibTorch.\n"
      "  nvcc: ${CMAKE_CUDA_COMPILER}, toolkit found: ${CUDAToolkit_FOUND}, LibTorch: ${PHYSGEN_LIBTORCH}\n"
      "  Install what is missing, or configure with -DPHYSGEN_CUDA=OFF")
  endif()
endif()
message(STATUS "CUDA: ${PHYSGEN_HAS_CUDA}")

add_library(physgen_torch INTERFACE)
target_include_directories(physgen_torch SYSTEM INTERFACE
  ${PHYSGEN_LIBTORCH}/include ${PHYSGEN_LIBTORCH}/include/torch/csrc/api/include)
target_link_directories(physgen_torch INTERFACE ${PHYSGEN_LIBTORCH_LIBRARIES})
target_link_libraries(physgen_torch INTERFACE torch_cpu c10 Threads::Threads)

# ATen's parallel_for is a loop of one thread in a file that is compiled without OpenMP. Its threads are those of the
# runtime that LibTorch brings.
file(GLOB PHYSGEN_TORCH_GOMP ${PHYSGEN_LIBTORCH_LIBRARIES}/libgomp*.so* ${PHYSGEN_LIBTORCH}/../torch.libs/libgomp*.so*)
if(PHYSGEN_TORCH_GOMP)
  list(GET PHYSGEN_TORCH_GOMP 0 PHYSGEN_TORCH_GOMP)
  target_link_libraries(physgen_torch INTERFACE ${PHYSGEN_TORCH_GOMP})
else()
  message(WARNING "LibTorch brings no OpenMP runtime: this one's is linked, which it may not share its threads with")
  target_link_libraries(physgen_torch INTERFACE gomp)
endif()

# What the rooms that call CUDA are compiled with, and those alone: the others are compiled alike with CUDA and without.
add_library(physgen_cuda INTERFACE)
if(PHYSGEN_HAS_CUDA)
  if(NOT CMAKE_CUDA_ARCHITECTURES)
    set(CMAKE_CUDA_ARCHITECTURES 80 90)
  endif()
  set(CMAKE_CUDA_RUNTIME_LIBRARY Shared)  # LibTorch's own
  enable_language(CUDA)
  set(CMAKE_CUDA_STANDARD 20)
  if(NOT CMAKE_CUDA20_STANDARD_COMPILE_OPTION)  # CMake 3.25 does not know that nvcc 12 and later speak C++20
    set(CMAKE_CUDA20_STANDARD_COMPILE_OPTION -std=c++20)
    set(CMAKE_CUDA20_EXTENSION_COMPILE_OPTION -std=c++20)
  endif()
  # After torch_cpu, or libtorch's std::filesystem is taken for libstdc++'s. A program with the property PHYSGEN_WITHOUT_CUDA
  # has what calls CUDA compiled otherwise (tests/CMakeLists.txt).
  set(with_cuda $<NOT:$<BOOL:$<TARGET_PROPERTY:PHYSGEN_WITHOUT_CUDA>>>)
  target_link_libraries(physgen_torch INTERFACE
    "$<${with_cuda}:-Wl,--push-state,--no-as-needed;torch_cuda;c10_cuda;torch;-Wl,--pop-state;$<LINK_ONLY:CUDA::cudart>>")
  target_include_directories(physgen_cuda SYSTEM INTERFACE ${CUDAToolkit_INCLUDE_DIRS})
  target_compile_definitions(physgen_cuda INTERFACE PHYSGEN_HAS_CUDA)
endif()

# What several processes speak through: Gloo's code is in LibTorch, its headers in libgloo-dev; NCCL's header comes with
# LibTorch's wheel.
add_library(physgen_c10d INTERFACE)
find_path(GLOO_INCLUDE_DIR gloo/allreduce.h)
if(GLOO_INCLUDE_DIR)
  target_compile_definitions(physgen_c10d INTERFACE USE_C10D_GLOO)
  target_include_directories(physgen_c10d SYSTEM INTERFACE ${GLOO_INCLUDE_DIR})
endif()
find_path(NCCL_INCLUDE_DIR nccl.h HINTS ${PHYSGEN_LIBTORCH}/../nvidia/nccl/include)
if(GLOO_INCLUDE_DIR AND PHYSGEN_HAS_CUDA AND NCCL_INCLUDE_DIR)
  target_compile_definitions(physgen_cuda INTERFACE USE_C10D_NCCL)
  target_include_directories(physgen_cuda SYSTEM INTERFACE ${NCCL_INCLUDE_DIR})
endif()
message(STATUS "Several processes: Gloo ${GLOO_INCLUDE_DIR}, NCCL ${NCCL_INCLUDE_DIR}")
