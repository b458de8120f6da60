# cmake -C cmake/cuda.cmake -S . -B build-cuda -G Ninja: CUDA, or an error that says what is missing.
set(CMAKE_BUILD_TYPE Release CACHE STRING "")
set(PHYSGEN_CUDA ON CACHE STRING "")
