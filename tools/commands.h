#pragma once

#include <CLI/CLI.hpp>

namespace physgen {

// Each adds its subcommand to `app`; a subcommand does its work in its callback and throws Error.
void add_bench_command(CLI::App& app);
void add_calibrate_command(CLI::App& app);
void add_convert_command(CLI::App& app);
void add_data_command(CLI::App& app);
void add_doctor_command(CLI::App& app);
void add_finetune_command(CLI::App& app);
void add_generate_command(CLI::App& app);
void add_inspect_command(CLI::App& app);
void add_merge_command(CLI::App& app);
void add_pretrain_command(CLI::App& app);
void add_report_command(CLI::App& app);
void add_replay_command(CLI::App& app);
void add_rollout_command(CLI::App& app);
void add_serve_command(CLI::App& app);
void add_train_vae_command(CLI::App& app);
void add_verify_command(CLI::App& app);

}  // namespace physgen
