#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <physgen/policy/losses.h>
#include <physgen/policy/policy_config.h>

#include "train/demonstrations.h"
#include "train/latent_store.h"
#include "train/window_source.h"

namespace physgen {

/// Which windows, in which order and how changed.
struct WindowChoice {
  bool held_out = false;             ///< of the held-out episodes, or of the training ones
  std::vector<double> weights = {};  ///< how often each dataset is drawn from; empty: by its number of windows
  uint64_t seed = 0;
  double latent_jitter = 0;  ///< deviation of the noise on the latents that the model is shown
  bool variants = true;      ///< draw among the augmented versions, or take the recorded one
};

/// Windows of demonstrations, in an order that is a pure function of (seed, position).
class WindowLoader final : public WindowSource {
 public:
  /// The sets and stores (one a set) must outlive the loader. Throws ConfigError for weights that are not one positive
  /// number a set.
  WindowLoader(const std::vector<DemonstrationSet>& sets, const std::vector<LatentStore>& latents,
               const PolicyConfig& policy, const WindowChoice& choice);

  int64_t size() const override;
  WindowBatch batch(int64_t position, int64_t count) const override;
  std::string names(int64_t position, int64_t count) const override;

 private:
  struct Window;
  Window window_at(int64_t position) const;
  void add_window(int64_t position, WindowBatch& batch, int64_t row) const;
  WindowBatch empty_batch(int64_t count) const;
  at::Tensor jittered(const at::Tensor& latents, int64_t position) const;

  const std::vector<DemonstrationSet>& sets_;
  const std::vector<LatentStore>& latents_;
  PolicyConfig policy_;
  WindowChoice choice_;
  ClipShape shape_;
  std::vector<int64_t> places_;           // of the sets that have windows, in `sets_`
  std::vector<std::vector<Clip>> clips_;  // of those sets
  std::optional<MixedOrder> order_;
};

}  // namespace physgen
