# cmake -C cmake/asan.cmake -S . -B build-asan -G Ninja: the tests under AddressSanitizer and UndefinedBehaviorSanitizer.
set(CMAKE_BUILD_TYPE RelWithDebInfo CACHE STRING "")
set(PHYSGEN_SANITIZE address,undefined CACHE STRING "")
set(PHYSGEN_CUDA OFF CACHE STRING "")
