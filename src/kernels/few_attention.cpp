#include "kernels/few_attention.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "kernels/every_cpu.h"
#include "kernels/vector.h"

namespace physgen {
namespace {

constexpr int kTile = 4;  // queries whose sums are held in registers

// Keys, filled up to whole vectors.
[[gnu::always_inline]] inline int64_t padded(int64_t keys) { return (keys + kLanes - 1) / kLanes * kLanes; }

// k^T / sqrt(width), [width, padded keys]
[[gnu::always_inline]] inline void transpose_keys(const HeadAttention& head, float* __restrict transposed) {
  const float scale = 1.0f / std::sqrt(static_cast<float>(head.width));
  const int64_t keys = padded(head.keys);
  std::fill_n(transposed, head.width * keys, 0.0f);
  for (int64_t j = 0; j < head.keys; ++j) {
    for (int64_t i = 0; i < head.width; ++i) transposed[i * keys + j] = scale * head.k[j * head.k_stride + i];
  }
}

// scores [Queries, padded keys], for keys [block, block + Vectors kLanes).
template <int Queries, int Vectors>
[[gnu::always_inline]] inline void score_block(const HeadAttention& head, const float* q, const float* transposed,
                                               int64_t block, float* scores) {
  const int64_t keys = padded(head.keys);
  Vector sums[Queries][Vectors] = {}, columns[Vectors];
  for (int64_t i = 0; i < head.width; ++i) {
    for (int c = 0; c < Vectors; ++c) load(transposed + i * keys + block + c * kLanes, columns[c]);
    for (int r = 0; r < Queries; ++r) {
      for (int c = 0; c < Vectors; ++c) sums[r][c] += q[r * head.q_stride + i] * columns[c];
    }
  }
  for (int r = 0; r < Queries; ++r) {
    for (int c = 0; c < Vectors; ++c) store(sums[r][c], scores + r * keys + block + c * kLanes);
  }
}

template <int Queries>
[[gnu::always_inline]] inline void score(const HeadAttention& head, int64_t query, const float* transposed,
                                         float* scores) {
  const float* q = head.q + query * head.q_stride;
  const int64_t keys = padded(head.keys);
  int64_t block = 0;
  for (; block + 2 * kLanes <= keys; block += 2 * kLanes) score_block<Queries, 2>(head, q, transposed, block, scores);
  if (block < keys) score_block<Queries, 1>(head, q, transposed, block, scores);
}

[[gnu::always_inline]] inline void add_mask(const HeadAttention& head, int64_t query, float* __restrict scores) {
  const float* mask = head.mask + query * head.mask_stride;
  for (int64_t j = 0; j < head.keys; ++j) scores[j] += mask[j];
}

// The scores of one query as weights, whose sum is 1; past the last key they are zero.
[[gnu::always_inline]] inline void weigh(int64_t keys, float* __restrict scores) {
  std::fill(scores + keys, scores + padded(keys), -std::numeric_limits<float>::infinity());
  softmax(scores, padded(keys));
}

// y = weights v, for numbers [first, first + Vectors kLanes) of each row.
template <int Queries, int Vectors>
[[gnu::always_inline]] inline void average_values(const HeadAttention& head, int64_t query, const float* weights,
                                                  int64_t first) {
  const int64_t keys = padded(head.keys);
  Vector sums[Queries][Vectors] = {}, values[Vectors];
  for (int64_t j = 0; j < head.keys; ++j) {
    for (int c = 0; c < Vectors; ++c) load(head.v + j * head.v_stride + first + c * kLanes, values[c]);
    for (int r = 0; r < Queries; ++r) {
      for (int c = 0; c < Vectors; ++c) sums[r][c] += weights[r * keys + j] * values[c];
    }
  }
  for (int r = 0; r < Queries; ++r) {
    for (int c = 0; c < Vectors; ++c) store(sums[r][c], head.y + (query + r) * head.y_stride + first + c * kLanes);
  }
}

// The numbers of a row past its last whole vector.
template <int Queries>
[[gnu::always_inline]] inline void average_rest(const HeadAttention& head, int64_t query, const float* weights,
                                                int64_t first) {
  const int64_t keys = padded(head.keys);
  for (int r = 0; r < Queries; ++r) {
    for (int64_t i = first; i < head.width; ++i) {
      float sum = 0;
      for (int64_t j = 0; j < head.keys; ++j) sum += weights[r * keys + j] * head.v[j * head.v_stride + i];
      head.y[(query + r) * head.y_stride + i] = sum;
    }
  }
}

template <int Queries>
[[gnu::always_inline]] inline void attend_tile(const HeadAttention& head, int64_t query, const float* transposed,
                                               float* scores) {
  score<Queries>(head, query, transposed, scores);
  for (int r = 0; r < Queries; ++r) {
    if (head.mask) add_mask(head, query + r, scores + r * padded(head.keys));
    weigh(head.keys, scores + r * padded(head.keys));
  }
  int64_t first = 0;
  for (; first + 3 * kLanes <= head.width; first += 3 * kLanes) average_values<Queries, 3>(head, query, scores, first);
  for (; first + kLanes <= head.width; first += kLanes) average_values<Queries, 1>(head, query, scores, first);
  if (first < head.width) average_rest<Queries>(head, query, scores, first);
}

}  // namespace

int64_t few_attention_memory(int64_t keys, int64_t width) { return (width + kTile) * padded(keys); }

EVERY_CPU void attend_head(const HeadAttention& head, float* memory) {
  float *scores = memory, *transposed = memory + kTile * padded(head.keys);
  transpose_keys(head, transposed);
  int64_t query = 0;
  for (; query + kTile <= head.queries; query += kTile) attend_tile<kTile>(head, query, transposed, scores);
  for (; query < head.queries; ++query) attend_tile<1>(head, query, transposed, scores);
}

}  // namespace physgen
