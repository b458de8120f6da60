#include <physgen/layers/rotary_embed.h>

#include <torch/torch.h>

namespace physgen {
namespace {

// Angles of one axis over `width` dims of the head: position / theta^(2i / width).
at::Tensor axis_angles(const at::Tensor& positions, int64_t width, double theta) {
  at::Tensor exponents = at::arange(0, width, 2, at::kFloat) / static_cast<double>(width);
  return at::outer(positions.to(at::kFloat), at::pow(theta, exponents).reciprocal());
}

}  // namespace

RotaryTable RotaryTable::narrow(int64_t start, int64_t count) const {
  if (!defined()) return {};
  return {cosine.narrow(0, start, count), sine.narrow(0, start, count)};
}

at::Tensor rotary_angles_3d(const at::Tensor& positions, int64_t head_width, double theta) {
  const int64_t time_width = head_width / 8;
  const int64_t space_width = (head_width - time_width) / 2;
  TORCH_CHECK_VALUE(space_width % 2 == 0 && time_width % 2 == 0, "[rotary_angles_3d] a head of ", head_width,
                    " dims does not split into even parts t : h : w = 1/8 : 7/16 : 7/16");
  return at::cat(
      {axis_angles(positions.select(1, 0), time_width, theta), axis_angles(positions.select(1, 1), space_width, theta),
       axis_angles(positions.select(1, 2), space_width, theta)},
      1);
}

at::Tensor rotary_angles_1d(const at::Tensor& positions, int64_t head_width, double theta) {
  return axis_angles(positions, head_width, theta);
}

RotaryTable rotary_table(const at::Tensor& angles, const at::TensorOptions& options) {
  return {angles.cos().to(options), angles.sin().to(options)};
}

RotaryTable rotary_of(const TableCache& tables, TableCache::Key key, const at::TensorOptions& options,
                      const std::function<at::Tensor()>& angles) {
  const at::Tensor cosine = tables.get(key, options, [&] { return angles().cos(); });
  ++key.table;
  return {cosine, tables.get(key, options, [&] { return angles().sin(); })};
}

at::Tensor apply_rotary(const at::Tensor& x, const RotaryTable& table) {
  at::Tensor pairs = x.unflatten(-1, {-1, 2});  // [B, H, L, d/2, 2]
  at::Tensor even = pairs.select(-1, 0), odd = pairs.select(-1, 1);
  at::Tensor cosine = table.cosine.to(x.scalar_type()), sine = table.sine.to(x.scalar_type());
  return at::stack({even * cosine - odd * sine, even * sine + odd * cosine}, -1).flatten(-2);
}

}  // namespace physgen
