#include <physgen/layers/kv_cache.h>

#include <torch/torch.h>

namespace physgen {

KvCache::KvCache(at::IntArrayRef shape, const at::TensorOptions& options)
    : keys_(at::empty(shape, options)), values_(at::empty(shape, options)) {}

std::pair<at::Tensor, at::Tensor> KvCache::append(const at::Tensor& keys, const at::Tensor& values) {
  const int64_t count = keys.size(2);
  TORCH_CHECK_VALUE(length_ + count <= keys_.size(2), "[KvCache] ", length_, " + ", count,
                    " positions do not fit into ", keys_.size(2));
  keys_.narrow(2, length_, count).copy_(keys);
  values_.narrow(2, length_, count).copy_(values);
  length_ += count;
  return {keys_.narrow(2, 0, length_), values_.narrow(2, 0, length_)};
}

void KvCache::set_length(int64_t length) {
  TORCH_CHECK_VALUE(length >= 0 && length <= keys_.size(2), "[KvCache] ", length, " positions of ", keys_.size(2));
  length_ = length;
}

void KvCache::evict(int64_t start, int64_t count) {
  TORCH_CHECK_VALUE(start >= 0 && count >= 0 && start + count <= length_, "[KvCache] positions ", start, " to ",
                    start + count, " are not all among the ", length_, " held");
  const int64_t behind = length_ - start - count;
  for (at::Tensor* held : {&keys_, &values_}) {
    held->narrow(2, start, behind).copy_(held->narrow(2, start + count, behind).clone());
  }
  length_ -= count;
}

}  // namespace physgen
