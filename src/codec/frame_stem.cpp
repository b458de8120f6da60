#include <physgen/codec/frame_stem.h>

#include <torch/torch.h>

#include <physgen/layers/patch_embed.h>

namespace physgen {
namespace {

torch::nn::Conv2d convolution(int64_t from, int64_t to) {
  return torch::nn::Conv2d(torch::nn::Conv2dOptions(from, to, 3).padding(1));
}

// x and y of the cells of a grid, -1 to 1 [height width, 2].
at::Tensor grid_places(int64_t height, int64_t width) {
  const std::vector<at::Tensor> yx = at::meshgrid({at::linspace(-1, 1, height), at::linspace(-1, 1, width)}, "ij");
  return at::stack({yx[1].flatten(), yx[0].flatten()}, 1);
}

}  // namespace

FrameStemImpl::FrameStemImpl(const NovaConfig& nova, int64_t channels, int64_t views)
    : patch_(nova.video_patch()), height_(nova.latent_height), width_(nova.latent_width), views_(views) {
  conv1 = register_module("conv1", convolution(nova.latent_channels, channels));
  conv2 = register_module("conv2", convolution(channels, channels));
  conv3 = register_module("conv3", convolution(channels, channels));
  patch_proj = register_module("patch_proj", torch::nn::Linear(patch_ * patch_ * channels, nova.width));
  place_proj = register_module("place_proj", torch::nn::Linear(2 * channels * views, nova.width));
}

at::Tensor FrameStemImpl::places(const at::Tensor& features) const {
  const at::Tensor grid =
      tables_.get({}, features.options().dtype(at::kFloat), [this] { return grid_places(height_, width_ / views_); });
  const at::Tensor views = features.unflatten(3, {views_, width_ / views_}).transpose(2, 3);
  const at::Tensor weights = at::softmax(views.flatten(3), -1, at::kFloat);
  return (weights.unsqueeze(-1) * grid).sum(3).flatten(1);  // not as a product, which autocast would round
}

at::Tensor FrameStemImpl::forward(const at::Tensor& patches) {
  at::Tensor x = unpatchify(patches.flatten(0, 1), patch_, height_, width_).to(conv1->weight.scalar_type());
  x = conv3->forward(at::silu(conv2->forward(at::silu(conv1->forward(x)))));
  const at::Tensor around = patch_proj->forward(patchify(at::silu(x), patch_));
  const at::Tensor where = place_proj->forward(places(x).to(place_proj->weight.scalar_type()));
  return (around + where.unsqueeze(1)).unflatten(0, {patches.size(0), patches.size(1)});
}

}  // namespace physgen
