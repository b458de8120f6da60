#include <fmt/core.h>
#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>

#include <physgen/core/error.h>
#include <physgen/core/version.h>

#include "commands.h"
#include "kernels/kernel_report.h"
#include "shell_pages.h"
#include "usage.h"

namespace {

int report(const std::string& text, int exit_code) {
  fmt::print(stderr, "physgen: {}\n", text);
  return exit_code;
}

void add_commands(CLI::App& app) {
  physgen::add_data_command(app);
  physgen::add_convert_command(app);
  physgen::add_verify_command(app);
  physgen::add_generate_command(app);
  physgen::add_train_vae_command(app);
  physgen::add_pretrain_command(app);
  physgen::add_finetune_command(app);
  physgen::add_merge_command(app);
  physgen::add_calibrate_command(app);
  physgen::add_inspect_command(app);
  physgen::add_rollout_command(app);
  physgen::add_serve_command(app);
  physgen::add_report_command(app);
  physgen::add_replay_command(app);
  physgen::add_bench_command(app);
  physgen::add_doctor_command(app);
  physgen::add_shell_commands(app);
}

}  // namespace

// NOLINTNEXTLINE(bugprone-exception-escape): from a handler, when nothing more can be said
int main(int argc, char** argv) {
  CLI::App app("A world-action model: trains it, evaluates it in a simulator, and looks inside.", "physgen");
  try {
    spdlog::set_default_logger(spdlog::stderr_color_mt("physgen"));
    spdlog::set_pattern("%H:%M:%S %^%l%$ %v");
    physgen::tell_of_kernels([](const std::string& line) { spdlog::warn("{}", line); });
    app.set_version_flag("--version", physgen::version_text());
    app.require_subcommand(1);
    app.fallthrough();
    app.add_option_function<std::string>(
           "--log-level", [](const std::string& name) { spdlog::set_level(spdlog::level::from_str(name)); },
           "How much to tell on the way: trace, debug, info, warning, error or off")
        ->check(CLI::IsMember({"trace", "debug", "info", "warning", "error", "off"}));
    add_commands(app);
    app.parse(argc, argv);
    return 0;
  } catch (const CLI::Success& help) {
    return app.exit(help);
  } catch (const CLI::ParseError& error) {
    return report(physgen::usage_text(app, error), 2);
  } catch (const physgen::Error& error) {
    return report(to_text(error.problem()), error.exit_code());
  } catch (const std::bad_alloc&) {
    return report("out of memory", 1);
  } catch (const std::exception& error) {
    const std::string text = error.what();  // of LibTorch's errors the other lines are a backtrace
    return report(text.substr(0, text.find('\n')), 1);
  }
}
