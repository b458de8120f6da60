#include <physgen/layers/patch_embed.h>

namespace physgen {

at::Tensor patchify(const at::Tensor& x, int64_t patch) {
  at::Tensor grid = x.unflatten(3, {-1, patch}).unflatten(2, {-1, patch});  // [B, C, h, ph, w, pw]
  return grid.permute({0, 2, 4, 3, 5, 1}).flatten(3).flatten(1, 2);         // [B, h w, ph pw C]
}

at::Tensor unpatchify(const at::Tensor& patches, int64_t patch, int64_t height, int64_t width) {
  at::Tensor grid = patches.unflatten(2, {patch, patch, -1}).unflatten(1, {height / patch, width / patch});
  return grid.permute({0, 5, 1, 3, 2, 4}).flatten(4).flatten(2, 3);  // [B, C, H, W]
}

PatchEmbedImpl::PatchEmbedImpl(int64_t channels, int64_t width, int64_t patch)
    : proj(torch::nn::Conv2dOptions(channels, width, patch).stride(patch)) {
  register_module("proj", proj);
}

at::Tensor PatchEmbedImpl::forward(const at::Tensor& patches) const {
  // The kernel is (c, ph, pw), a patch is (ph, pw, c).
  return at::linear(patches.to(proj->weight.scalar_type()), proj->weight.permute({0, 2, 3, 1}).flatten(1), proj->bias);
}

}  // namespace physgen
