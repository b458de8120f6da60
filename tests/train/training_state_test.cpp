
#include <gtest/gtest.h>
#include <torch/torch.h>

#include "support/problem_of.h"
#include "support/temporary_folder.h"
#include "train/training_state.h"

namespace physgen {
namespace {

// A linear layer after some steps of training.
struct Trained {
  torch::nn::Linear layer{3, 2};
  AdamW optimizer{optimized_parameters(*layer), {}};

  void step() {
    optimizer.clear_gradients();
    layer(at::ones({1, 3})).square().sum().backward();
    optimizer.step(0.1);
  }
};

TEST(TrainingState, WhatIsLoadedGoesOnAsTheOther) {
  const TemporaryFolder folder;
  const auto file = folder / "training.safetensors";
  Trained first, second;
  for (int i = 0; i < 3; ++i) first.step();
  save_training_state(file, training_state(first.optimizer, {.step = 3, .best_score = 0.1, .skipped_in_a_row = 1}));
  const TrainingProgress progress = load_training_state(file, second.optimizer);
  EXPECT_EQ(progress.step, 3);
  EXPECT_EQ(progress.best_score, 0.1);
  EXPECT_EQ(progress.skipped_in_a_row, 1);
  first.step();
  second.step();
  EXPECT_TRUE(at::equal(first.layer->weight, second.layer->weight));
}

TEST(TrainingState, ABestScoreThatDoesNotExistYetIsKept) {
  const TemporaryFolder folder;
  Trained trained;
  save_training_state(folder / "t.safetensors", training_state(trained.optimizer, {}));
  EXPECT_TRUE(std::isinf(load_training_state(folder / "t.safetensors", trained.optimizer).best_score));
}

TEST(TrainingState, AStateOfAnotherModelOrWithoutItsNumbersIsRefused) {
  const TemporaryFolder folder;
  const auto file = folder / "training.safetensors";
  Trained trained;
  torch::nn::Linear other(5, 2);
  save_training_state(file, training_state(AdamW(optimized_parameters(*other), {}), {}));
  EXPECT_EQ(problem_of<FormatError>([&] { load_training_state(file, trained.optimizer); }).where, file.string());
  save_tensors(file.string(), {}, {{"step", "3x"}, {"best_score", "1"}});
  EXPECT_EQ(problem_of<FormatError>([&] { load_training_state(file, trained.optimizer); }).got, "'3x'");
}

}  // namespace
}  // namespace physgen
