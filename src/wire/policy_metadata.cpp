#include "policy_metadata.h"

#include "physgen/core/error.h"

namespace physgen {
namespace {

constexpr int64_t kMostColumns = 4096;
constexpr int64_t kMostRows = 4096;

/// "3 to 9" is the range of both.
std::vector<std::pair<int64_t, int64_t>> ranges_of(const Message& metadata) {
  std::vector<std::pair<int64_t, int64_t>> ranges;
  for (const Message& range : metadata.maps("seeds_tried")) {
    ranges.emplace_back(range.integer("first", INT64_MIN, INT64_MAX), range.integer("last", INT64_MIN, INT64_MAX));
  }
  return ranges;
}

std::vector<MessageWriter> maps_of(const std::vector<std::pair<int64_t, int64_t>>& ranges) {
  std::vector<MessageWriter> maps;
  for (const auto& [first, last] : ranges) {
    MessageWriter map;
    map.add_integer("first", first).add_integer("last", last);
    maps.push_back(std::move(map));
  }
  return maps;
}

}  // namespace

void add_description(MessageWriter& metadata, const PolicyDescription& policy) {
  metadata.add_text("checkpoint_sha256", policy.checkpoint_sha256)
      .add_text("data_sha256", policy.data_sha256)
      .add_texts("cameras", policy.cameras)
      .add_integer("frame_height", policy.frame_height)
      .add_text("control_mode", policy.control_mode)
      .add_number("control_rate", policy.control_rate)
      .add_integer("action_width", policy.action_width)
      .add_integer("chunk_length", policy.chunk_length)
      .add_integer("execute", policy.execute)
      .add_integer("state_width", policy.state_width)
      .add_text("instruction", policy.instruction)
      .add_maps("seeds_tried", maps_of(policy.seeds_tried));
}

PolicyDescription description_of(const Message& metadata) {
  PolicyDescription policy;
  policy.checkpoint_sha256 = metadata.text("checkpoint_sha256");
  policy.data_sha256 = metadata.text("data_sha256");
  policy.cameras = metadata.texts("cameras");
  policy.frame_height = metadata.integer("frame_height", 0, INT32_MAX);
  policy.control_mode = metadata.text("control_mode");
  policy.control_rate = metadata.number("control_rate");
  policy.action_width = metadata.integer("action_width", 1, kMostColumns);
  policy.chunk_length = metadata.integer("chunk_length", 1, kMostRows);
  policy.execute = metadata.integer("execute", 1, policy.chunk_length);
  policy.state_width = metadata.integer("state_width", 0, kMostColumns);
  policy.instruction = metadata.text("instruction");
  policy.seeds_tried = ranges_of(metadata);
  return policy;
}

}  // namespace physgen
