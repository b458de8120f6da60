#include "core/random.h"

namespace physgen {
namespace {

uint64_t split_mix(uint64_t x) {
  x += 0x9e3779b97f4a7c15;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
  x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
  return x ^ (x >> 31);
}

}  // namespace

uint64_t mixed_seed(uint64_t seed, Stream stream, uint64_t index) {
  return split_mix(split_mix(split_mix(seed) ^ static_cast<uint64_t>(stream)) ^ index);
}

}  // namespace physgen
