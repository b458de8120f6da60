#include <physgen/policy/model_config.h>

#include <algorithm>

#include <physgen/core/error.h>

namespace physgen {
namespace {

[[noreturn]] void refuse(const std::string& what, const std::string& where, int64_t got, const std::string& expected) {
  throw ConfigError({.what = what,
                     .where = where,
                     .got = std::to_string(got),
                     .expected = expected,
                     .next_step = "change one of the two"});
}

void check_table(const ModelConfig& config, const std::string& where) {
  const auto fits = [&](int64_t length) { return length <= config.backbone.text_slots; };
  const bool whole = !config.text_table.empty() && config.text_table.size() == config.text_lengths.size();
  if (whole && std::all_of(config.text_lengths.begin(), config.text_lengths.end(), fits)) return;
  throw ConfigError({.what = "a table of instructions comes from a pretrained backbone",
                     .where = where + ".text_encoder",
                     .got = std::to_string(config.text_table.size()) + " texts and " +
                            std::to_string(config.text_lengths.size()) + " lengths",
                     .expected = "one length, at most text_slots, for each",
                     .next_step = "fine-tune with --init nova:FOLDER, which makes one, or choose \"bytes\""});
}

void check_sampler(const ActionHeadConfig& head, const std::string& where) {
  if (head.objective == Objective::epsilon || head.sampler == Sampler::ddim) return;
  const bool flows = head.objective == Objective::flow_matching;
  throw ConfigError({.what = "the sampler is one of networks that predict noise",
                     .where = where + ".head.sampler",
                     .got = std::string(text_of(head.sampler)),
                     .expected = std::string("ddim, which is ") + (flows ? "Euler's method" : "a draw of each class") +
                                 " then, or head.objective epsilon",
                     .next_step = "leave it out"});
}

}  // namespace

PackLayout ModelConfig::layout() const {
  return {.prefix = backbone.text_slots + (backbone.motion_tokens ? 2 : 0),
          .frame = backbone.video_tokens(),
          .state = codec.state_token ? 1 : 0,
          .actions = codec.chunk};
}

void check_sizes(const ModelConfig& config, const std::string& where) {
  check_sizes(config.backbone, where + ".backbone");
  if (config.codec.execute > config.codec.chunk) {
    refuse("more steps are executed than predicted", where + ".codec.execute", config.codec.execute,
           "at most codec.chunk = " + std::to_string(config.codec.chunk));
  }
  if (config.codec.stem_channels > 0 && config.codec.stem_views > 0 &&
      config.backbone.latent_width % config.codec.stem_views != 0) {
    refuse("the frames' latents do not split into the stem's views", where + ".codec.stem_views",
           config.codec.stem_views,
           "a divisor of backbone.latent_width = " + std::to_string(config.backbone.latent_width));
  }
  if (config.head.width % config.head.heads != 0) {
    refuse("the width does not split into the heads", where + ".head.width", config.head.width,
           "a multiple of head.heads = " + std::to_string(config.head.heads));
  }
  if (config.text_encoder == TextEncoder::bytes && config.backbone.text_width % config.text_slot_bytes != 0) {
    refuse("a text slot does not split into its bytes", where + ".backbone.text_width", config.backbone.text_width,
           "a multiple of text_slot_bytes = " + std::to_string(config.text_slot_bytes));
  }
  check_sampler(config.head, where);
  if (config.text_encoder == TextEncoder::table) check_table(config, where);
  if (config.when_full == WhenFull::ring && config.backbone.position != Position::rope) {
    throw ConfigError({.what = "evicting cached keys needs rotary positions",
                       .where = where + ".when_full",
                       .got = "ring with absolute positions",
                       .expected = "exact, or backbone.position rope",
                       .next_step = "change one of the two"});
  }
}

}  // namespace physgen
