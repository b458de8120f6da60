#include "kernels/amx_conv.h"

#include <ATen/Functions.h>
#include <ATen/TensorOperators.h>

#include <vector>

#include "kernels/amx_conv_check.h"
#include "kernels/amx_tasks.h"
#include "kernels/record.h"

namespace physgen {
namespace {

// The planes of a weight's numbers, [planes, O, I, k, k].
at::Tensor planes_of(const at::Tensor& weight) {
  if (weight.scalar_type() != at::kFloat) return weight.unsqueeze(0).contiguous();
  std::vector<at::Tensor> planes;
  at::Tensor rest = weight;
  for (int64_t i = 0; i < AmxNumber<float>::kPlanes; ++i) {
    planes.push_back(rest.to(at::kBFloat16));
    rest = rest - planes.back().to(at::kFloat);
  }
  return at::stack(planes).contiguous();
}

// As `AmxConvBlock` reads them: [O / 32, groups, k, k, planes, 2, 16 lines, 16 outputs, channels of a line].
at::Tensor tiles_of(const at::Tensor& weight) {
  const at::Tensor planes = planes_of(weight);
  const int64_t beside = 4 / planes.element_size(), groups = planes.size(2) / (16 * beside), side = planes.size(3);
  return planes.view({planes.size(0), -1, 2, 16, groups, 16, beside, side, side})
      .permute({1, 4, 7, 8, 0, 2, 5, 3, 6})
      .contiguous();
}

AmxConvSizes sizes_of(const at::Tensor& weight, int64_t stride) {
  return {weight.size(1), weight.size(0), weight.size(2), stride};
}

at::Tensor floats(const at::Tensor& x) { return x.detach().to(at::kFloat).contiguous(); }

}  // namespace

bool AmxConv::fits(const at::Tensor& weight) {
  const int64_t side = weight.size(2),
                line = weight.element_size() == 1 ? AmxNumber<uint8_t>::kLineChannels : AmxNumber<float>::kLineChannels;
  const bool is_known = is_number_type(weight) || weight.scalar_type() == at::kChar;
  return has_amx() && is_known && weight.is_cpu() && weight.size(0) % kAmxOutputs == 0 && weight.size(1) % line == 0 &&
         (side == 1 || side == 3) && weight.size(3) == side && convolutions_serve();
}

AmxConv::AmxConv(const at::Tensor& weight, const at::Tensor& bias, int64_t stride)
    : sizes_(sizes_of(weight, stride)),
      number_(weight.scalar_type()),
      output_(number_),
      tiles_(tiles_of(weight.detach())),
      bias_(floats(bias)) {}

AmxConv::AmxConv(const ChannelBytes& weight, const at::Tensor& bias, const ByteScale& input, at::ScalarType dtype)
    : sizes_(sizes_of(weight.bytes, 1)),
      number_(at::kByte),
      output_(dtype),
      bytes_(input.step, input.zero),
      tiles_(tiles_of(weight.bytes)),
      scale_(floats(weight.steps * input.step)) {
  // A byte stands for a number less the zero's: what the zeros' bytes add to each sum.
  const at::Tensor of_zeros = weight.bytes.flatten(1).to(at::kFloat).sum(1) * input.zero;
  bias_ = floats(bias.detach() - of_zeros * scale_);
}

bool AmxConv::takes(const at::Tensor& x) const {
  return (x.scalar_type() == number_ || x.scalar_type() == output_) && x.is_cpu() && x.numel() > 0 &&
         !at::GradMode::is_enabled() && sizes_.output(x.size(3)) >= kAmxPixels;
}

at::Tensor AmxConv::forward(const at::Tensor& x, const GroupNormTerms& norm, const at::Tensor& sum) const {
  RECORD_FUNCTION("physgen::amx_conv", Inputs());
  constexpr auto kLayout = at::MemoryFormat::ChannelsLast;
  TORCH_CHECK_VALUE(x.dim() == 4 && x.size(1) == sizes_.in && sizes_.output(x.size(3)) >= kAmxPixels,
                    "[AmxConv] frames ", x.sizes(), ", not [B, ", sizes_.in, ", H, W] that are wide enough");
  TORCH_CHECK_VALUE(x.scalar_type() == number_ || (x.scalar_type() == output_ && norm.scale.defined()),
                    "[AmxConv] frames of ", x.scalar_type(), ", not ", number_);
  const std::vector<int64_t> shape = {x.size(0), sizes_.out, sizes_.output(x.size(2)), sizes_.output(x.size(3))};
  TORCH_CHECK_VALUE(
      !sum.defined() || (sum.sizes() == shape && sum.scalar_type() == output_ && sum.is_contiguous(kLayout)),
      "[AmxConv] the sum is not ", output_, " ", shape, ", channels-last");
  const at::Tensor y = sum.defined() ? sum : at::empty(shape, x.options().dtype(output_).memory_format(kLayout));
  const at::Tensor frames = x.contiguous(kLayout);
  const bool adds = sum.defined();
  if (number_ == at::kByte) {
    output_ == at::kFloat ? convolve_bytes<float>(frames, norm, y, adds)
                          : convolve_bytes<Bfloat16Bits>(frames, norm, y, adds);
  } else {
    number_ == at::kFloat ? convolve<float, float, float>(frames, norm, y, adds)
                          : convolve<Bfloat16Bits, Bfloat16Bits, Bfloat16Bits>(frames, norm, y, adds);
  }
  return y;
}

// Of bytes, or of numbers that become bytes.
template <class Output>
void AmxConv::convolve_bytes(const at::Tensor& x, const GroupNormTerms& norm, const at::Tensor& y, bool adds) const {
  x.scalar_type() == at::kByte ? convolve<uint8_t, uint8_t, Output>(x, norm, y, adds)
                               : convolve<uint8_t, Output, Output>(x, norm, y, adds);
}

template <class Number, class Input, class Output>
void AmxConv::convolve(const at::Tensor& x, const GroupNormTerms& norm, const at::Tensor& y, bool adds) const {
  const AmxConvWork work = {.sizes = sizes_,
                            .height = x.size(2),
                            .width = x.size(3),
                            .weights = numbers<std::byte>(tiles_),
                            .scale = block_of<float>(scale_, 0, 0),
                            .bias = numbers<float>(bias_),
                            .bytes = bytes_,
                            .adds = adds};
  const AmxConvTasks<Number, Input, Output> tasks(work, at::get_num_threads());
  const int64_t of_frame = tasks.count();
  at::parallel_for(0, x.size(0) * of_frame, 1, [&](int64_t begin, int64_t end) {
    const AmxTiles tiles;
    const AmxBuffer<std::byte> lines(tasks.line_bytes());
    for (int64_t i = begin; i < end; ++i) {
      const int64_t frame = i / of_frame;
      const AmxNorm of = {block_of<float>(norm.scale, frame, sizes_.in), block_of<float>(norm.shift, frame, sizes_.in)};
      tasks.run(i % of_frame, block_of<Input>(x, frame, x.stride(0)), of, block_of<Output>(y, frame, y.stride(0)),
                lines.get());
    }
  });
}

}  // namespace physgen
