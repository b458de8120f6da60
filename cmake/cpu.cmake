# cmake -C cmake/cpu.cmake -S . -B build -G Ninja: no CUDA, whatever the machine has.
set(CMAKE_BUILD_TYPE Release CACHE STRING "")
set(PHYSGEN_CUDA OFF CACHE STRING "")
