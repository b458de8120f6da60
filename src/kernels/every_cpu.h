#pragma once

/// Compiles a function for several instruction sets, the best of which the machine is asked for at load. What it calls
/// must be inlined.
#if defined(__x86_64__)
#define EVERY_CPU [[gnu::target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")]]
#else
#define EVERY_CPU
#endif
