#include "physgen/core/version.h"

namespace physgen {

std::string version_text() {
  return "physgen " PHYSGEN_VERSION " (LibTorch " PHYSGEN_TORCH_VERSION ", CUDA " PHYSGEN_CUDA_BUILT
         ", Arrow " PHYSGEN_ARROW_BUILT ")";
}

}  // namespace physgen
