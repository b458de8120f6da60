#include "kernels/frame_kernels.h"

#include <cuda_bf16.h>

#include <algorithm>

namespace physgen {
namespace {

constexpr int kThreads = 256;
constexpr float kEpsilon = 1e-6F;

template <class T, int kWidth>
struct alignas(sizeof(T) * kWidth) Vector {
  T values[kWidth];
};

__device__ float to_float(float x) { return x; }
__device__ float to_float(__nv_bfloat16 x) { return __bfloat162float(x); }
__device__ void assign(float& to, float x) { to = x; }
__device__ void assign(__nv_bfloat16& to, float x) { to = __float2bfloat16(x); }

// How the threads of a block share rows of vectors: each lane owns every `lanes`-th vector of a row.
struct Tiling {
  int vectors, lanes, row_step;
  __host__ __device__ explicit Tiling(int row_vectors)
      : vectors(row_vectors), lanes(row_vectors < kThreads ? row_vectors : kThreads), row_step(kThreads / lanes) {}
};

// One block's sums of x + offset and of its square a group, [frames, blocks, groups, 2].
template <class T, int kWidth>
__global__ void add_sums(const T* x, const float* offset, int64_t rows, int channels, int groups, float* sums) {
  extern __shared__ float shared[];  // [row_step, 2, channels]
  const Tiling tiling(channels / kWidth);
  const int lane = threadIdx.x % tiling.lanes, own_row = threadIdx.x / tiling.lanes;
  const int64_t per_block = (rows + gridDim.x - 1) / gridDim.x, first = blockIdx.x * per_block;
  const int64_t last = first + per_block < rows ? first + per_block : rows;
  const auto* frame = reinterpret_cast<const Vector<T, kWidth>*>(x) + blockIdx.y * rows * tiling.vectors;
  if (own_row < tiling.row_step) {
    for (int vector = lane; vector < tiling.vectors; vector += tiling.lanes) {
      float sum[kWidth] = {}, square[kWidth] = {}, added[kWidth] = {};
      for (int i = 0; offset && i < kWidth; ++i) added[i] = offset[vector * kWidth + i];
      for (int64_t row = first + own_row; row < last; row += tiling.row_step) {
        const Vector<T, kWidth> read = frame[row * tiling.vectors + vector];
        for (int i = 0; i < kWidth; ++i) {
          const float value = to_float(read.values[i]) + added[i];
          sum[i] += value;
          square[i] += value * value;
        }
      }
      float* own = shared + own_row * 2 * channels + vector * kWidth;
      for (int i = 0; i < kWidth; ++i) own[i] = sum[i], own[channels + i] = square[i];
    }
  }
  __syncthreads();
  const int size = channels / groups;
  for (int item = threadIdx.x; item < 2 * groups; item += kThreads) {
    const int group = item / 2, kind = item % 2;
    float total = 0;
    for (int row = 0; row < tiling.row_step; ++row) {
      for (int c = 0; c < size; ++c) total += shared[(row * 2 + kind) * channels + group * size + c];
    }
    sums[((blockIdx.y * gridDim.x + blockIdx.x) * static_cast<int64_t>(groups) + group) * 2 + kind] = total;
  }
}

__device__ double sum_of_warp(double x) {
  for (int step = 16; step > 0; step /= 2) x += __shfl_xor_sync(0xffffffffU, x, step);
  return x;
}

// One warp a frame and group: z = x scale + shift of its channels, [frames, 2, channels].
__global__ void measure(const float* sums, const float* offset, const float* weight, const float* bias, int64_t rows,
                        int channels, int groups, int blocks, float* scale) {
  const int frame = blockIdx.y, group = blockIdx.x, size = channels / groups;
  double total = 0, square = 0;
  for (int block = threadIdx.x; block < blocks; block += 32) {
    const float* pair = sums + ((frame * static_cast<int64_t>(blocks) + block) * groups + group) * 2;
    total += pair[0];
    square += pair[1];
  }
  const double count = static_cast<double>(rows) * size, mean = sum_of_warp(total) / count;
  const double variance = sum_of_warp(square) / count - mean * mean;
  const double inverse = 1 / sqrt((variance > 0 ? variance : 0) + kEpsilon);
  float* own = scale + frame * 2 * static_cast<int64_t>(channels);
  for (int c = group * size + threadIdx.x; c < (group + 1) * size; c += 32) {
    own[c] = static_cast<float>(inverse * weight[c]);
    own[channels + c] = static_cast<float>(bias[c] + ((offset ? offset[c] : 0) - mean) * inverse * weight[c]);
  }
}

template <class T, int kWidth>
__global__ void apply(const T* x, T* y, int64_t vectors_of_frame, int channels, const float* scale, bool silu) {
  const int row_vectors = channels / kWidth;
  const auto* from = reinterpret_cast<const Vector<T, kWidth>*>(x) + blockIdx.y * vectors_of_frame;
  auto* to = reinterpret_cast<Vector<T, kWidth>*>(y) + blockIdx.y * vectors_of_frame;
  const float* own = scale + blockIdx.y * 2 * static_cast<int64_t>(channels);
  const int64_t step = static_cast<int64_t>(gridDim.x) * kThreads;
  for (int64_t at = static_cast<int64_t>(blockIdx.x) * kThreads + threadIdx.x; at < vectors_of_frame; at += step) {
    const int first = static_cast<int>(at % row_vectors) * kWidth;
    Vector<T, kWidth> vector = from[at];
    for (int i = 0; i < kWidth; ++i) {
      const float z = to_float(vector.values[i]) * own[first + i] + own[channels + first + i];
      assign(vector.values[i], silu ? z / (1 + __expf(-z)) : z);
    }
    to[at] = vector;
  }
}

template <class T, int kWidth>
__global__ void add_all(const T* x, const float* offset, const T* residual, T* y, int64_t vectors, int row_vectors) {
  const auto* from = reinterpret_cast<const Vector<T, kWidth>*>(x);
  const auto* more = reinterpret_cast<const Vector<T, kWidth>*>(residual);
  auto* to = reinterpret_cast<Vector<T, kWidth>*>(y);
  const int64_t step = static_cast<int64_t>(gridDim.x) * kThreads;
  for (int64_t at = static_cast<int64_t>(blockIdx.x) * kThreads + threadIdx.x; at < vectors; at += step) {
    const int first = static_cast<int>(at % row_vectors) * kWidth;
    Vector<T, kWidth> vector = from[at];
    const Vector<T, kWidth> other = more[at];
    for (int i = 0; i < kWidth; ++i) {
      assign(vector.values[i], to_float(vector.values[i]) + offset[first + i] + to_float(other.values[i]));
    }
    to[at] = vector;
  }
}

unsigned grid_of(int64_t vectors) {
  constexpr int64_t kMostBlocks = 132 * 16;  // of an H100's multiprocessors, several times over
  return static_cast<unsigned>(std::min<int64_t>((vectors + kThreads - 1) / kThreads, kMostBlocks));
}

template <class T, int kWidth>
void launch(const GroupNormCall& call, cudaStream_t stream) {
  const auto frames = static_cast<unsigned>(call.frames), blocks = static_cast<unsigned>(call.blocks);
  const int channels = static_cast<int>(call.channels), groups = static_cast<int>(call.groups);
  const auto* x = static_cast<const T*>(call.x);
  const size_t shared = sizeof(float) * 2 * channels * Tiling(channels / kWidth).row_step;
  add_sums<T, kWidth>
      <<<dim3(blocks, frames), kThreads, shared, stream>>>(x, call.offset, call.rows, channels, groups, call.sums);
  measure<<<dim3(groups, frames), 32, 0, stream>>>(call.sums, call.offset, call.weight, call.bias, call.rows, channels,
                                                   groups, static_cast<int>(blocks), call.scale);
  const int64_t vectors = call.rows * channels / kWidth;
  apply<T, kWidth><<<dim3(grid_of(vectors), frames), kThreads, 0, stream>>>(x, static_cast<T*>(call.y), vectors,
                                                                            channels, call.scale, call.silu);
}

template <class T, int kWidth>
void launch(const AddCall& call, cudaStream_t stream) {
  const int64_t vectors = call.rows * call.channels / kWidth;
  add_all<T, kWidth><<<grid_of(vectors), kThreads, 0, stream>>>(
      static_cast<const T*>(call.x), call.offset, static_cast<const T*>(call.residual), static_cast<T*>(call.y),
      vectors, static_cast<int>(call.channels / kWidth));
}

template <class T, int kWidth, class Call>
void launch_widest(const Call& call, cudaStream_t stream) {
  if (call.channels % kWidth == 0) return launch<T, kWidth>(call, stream);
  launch<T, 1>(call, stream);
}

template <class Call>
void launch_typed(const Call& call, cudaStream_t stream) {
  if (call.bfloat16) return launch_widest<__nv_bfloat16, 8>(call, stream);
  launch_widest<float, 4>(call, stream);
}

}  // namespace

int64_t group_norm_blocks(int64_t frames, int64_t rows) {
  constexpr int64_t kLeastRows = 32, kMostBlocks = 1056;  // eight for each multiprocessor of an H100
  return std::max<int64_t>(1, std::min(rows / kLeastRows, kMostBlocks / std::min(frames, kMostBlocks)));
}

void launch_group_norm_silu(const GroupNormCall& call, cudaStream_t stream) { launch_typed(call, stream); }

void launch_add(const AddCall& call, cudaStream_t stream) { launch_typed(call, stream); }

}  // namespace physgen
