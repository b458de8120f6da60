#pragma once

#include <cuda_runtime_api.h>

#include <cstdint>

namespace physgen {

/// The memory of one GroupNorm + SiLU over frames whose channels are the last dimension, all on one GPU.
struct GroupNormCall {
  const void* x;        ///< [frames, rows, channels], float32 or bfloat16
  void* y;              ///< the same
  const float* weight;  ///< [channels]
  const float* bias;    ///< [channels]
  const float* offset;  ///< [channels], added to x before; or null
  float* sums;          ///< [frames, blocks, groups, 2], overwritten
  float* scale;         ///< [frames, 2, channels], overwritten
  int64_t frames, rows, channels, groups, blocks;
  bool bfloat16, silu;
};

/// How many blocks of rows a frame is measured in.
int64_t group_norm_blocks(int64_t frames, int64_t rows);

/// Launches it: sums of every block, scale and shift of every channel, and the values. Sums are added in one fixed
/// order, so the result is the same each time.
void launch_group_norm_silu(const GroupNormCall& call, cudaStream_t stream);

/// The memory of y = x + offset + residual, all on one GPU.
struct AddCall {
  const void* x;         ///< [rows, channels], float32 or bfloat16
  const float* offset;   ///< [channels]
  const void* residual;  ///< as x
  void* y;               ///< as x, which it may be
  int64_t rows, channels;
  bool bfloat16;
};

void launch_add(const AddCall& call, cudaStream_t stream);

}  // namespace physgen
