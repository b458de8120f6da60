# cmake -C cmake/tsan.cmake -S . -B build-tsan -G Ninja: the tests of what runs in several threads under ThreadSanitizer.
set(CMAKE_BUILD_TYPE RelWithDebInfo CACHE STRING "")
set(CMAKE_CXX_FLAGS -Wno-tsan CACHE STRING "")  # of Asio's fences
set(PHYSGEN_SANITIZE thread CACHE STRING "")
set(PHYSGEN_CUDA OFF CACHE STRING "")
