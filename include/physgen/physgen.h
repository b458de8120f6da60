#pragma once

/// @mainpage
/// A program that acts, trains, evaluates or serves includes physgen/physgen.h, which needs no LibTorch; one that
/// builds on the network's modules includes physgen/torch.h, too. What is refused is a physgen::Error.
///
/// | to | begin with |
/// |---|---|
/// | act with a policy | physgen::Policy and physgen::Controller |
/// | act with one that is served | physgen::RemotePolicy |
/// | read demonstrations | physgen::DemonstrationDataset, physgen::check_demonstrations |
/// | train a VAE, fine-tune a policy | physgen::train_vae, physgen::finetune |
/// | evaluate in a simulator | physgen::evaluate, physgen::SimulatorProcess |
/// | serve a policy | physgen::PolicyServer |
/// | draw frames | physgen::generate_from_text, physgen::imagine_demonstration |
/// | write a training loop of one's own | physgen::PhysGenModelImpl, physgen::compute_losses, physgen::load_policy |

/// @file
/// The library's interface without LibTorch: what one includes to fine-tune, to evaluate, to serve and to act. Each of
/// these headers may be included alone.

#include <physgen/client/remote_policy.h>
#include <physgen/core/error.h>
#include <physgen/core/version.h>
#include <physgen/data/demonstration_check.h>
#include <physgen/data/demonstration_dataset.h>
#include <physgen/device/machine.h>
#include <physgen/media/image.h>
#include <physgen/media/video_writer.h>
#include <physgen/policy/checkpoint_summary.h>
#include <physgen/policy/controller.h>
#include <physgen/policy/generation.h>
#include <physgen/policy/round_batcher.h>
#include <physgen/release/convert.h>
#include <physgen/rollout/evaluation.h>
#include <physgen/rollout/report.h>
#include <physgen/rollout/simulator_process.h>
#include <physgen/serve/policy_server.h>
#include <physgen/train/trainer.h>
#include <physgen/train/vae_trainer.h>
