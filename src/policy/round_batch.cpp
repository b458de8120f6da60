#include "policy/round_batch.h"

#include <algorithm>
#include <map>

#include <torch/torch.h>

#include "device/timed_stage.h"

namespace physgen {
namespace {

/// The members that are alike, in groups.
template <class Item, class Alike>
std::vector<std::vector<Item>> grouped(const std::vector<Item>& items, const Alike& alike) {
  std::vector<std::vector<Item>> groups;
  for (const Item& item : items) {
    const auto group = std::find_if(groups.begin(), groups.end(),
                                    [&](const std::vector<Item>& others) { return alike(others.front(), item); });
    if (group == groups.end()) {
      groups.push_back({item});
    } else {
      group->push_back(item);
    }
  }
  return groups;
}

/// Parts of the members [1, ...] as one [n, ...]; undefined where the first is.
template <class Members, class Part>
at::Tensor joined(const Members& members, const Part& part) {
  std::vector<at::Tensor> parts;
  for (const auto& member : members) parts.push_back(part(member));
  return parts.front().defined() ? at::cat(parts) : at::Tensor();
}

bool are_alike(const PackInputs& one, const PackInputs& other) {
  return one.latents.size(1) == other.latents.size(1) && one.executed == other.executed;
}

}  // namespace

void RoundBatch::add(ControlRound& round, const RoundInputs& inputs) { members_.push_back({&round, &inputs}); }

std::vector<at::Tensor> RoundBatch::run(const std::function<void(const char*, double)>& on_stage) {
  const at::Device device = members_.front().round->device_;
  timed_stage(on_stage, device, "encode", [&] { encode(); });
  timed_stage(on_stage, device, "append", [&] { append(); });
  return timed_stage(on_stage, device, "denoise", [&] { return denoise(); });
}

void RoundBatch::encode() {
  const at::Tensor canvases = joined(members_, [](const Member& one) { return one.inputs->canvas.unsqueeze(0); });
  const at::Tensor latents = members_.front().round->encoder_.encode(canvases);
  for (size_t i = 0; i < members_.size(); ++i) {
    ControlRound& round = *members_[i].round;
    keep(round.latent_, latents[static_cast<int64_t>(i)], round.device_);
  }
}

void RoundBatch::append() {
  for (const Member& member : members_) {
    ControlRound& round = *member.round;
    round.take(*member.inputs);
    round.make_room();
    round.window_.put({round.latent_, round.actions_, round.state_});
  }
  const auto groups = grouped(members_, [](const Member& one, const Member& other) {
    return one.round->first() == other.round->first() && one.round->keeps_keys() == other.round->keeps_keys() &&
           are_alike(one.round->packs(), other.round->packs());
  });
  std::vector<WindowGroup> windows;
  for (const Members& group : groups) windows.push_back(window_group(group));
  PhysGenModel& model = members_.front().round->model_;
  const std::vector<Conditions> conditions = model->append(windows);
  for (size_t i = 0; i < groups.size(); ++i) hand_out(groups[i], windows[i], conditions[i]);
}

WindowGroup RoundBatch::window_group(const Members& members) {
  const ControlRound& first = *members.front().round;
  const auto part = [&](const auto& of) {
    return joined(members, [&](const Member& member) { return of(*member.round); });
  };
  WindowGroup group;
  group.outputs = OutputPacks::newest;
  group.first = first.first();
  group.inputs = {part([](const ControlRound& round) { return round.packs().latents; }),
                  part([](const ControlRound& round) { return round.packs().actions; }),
                  part([](const ControlRound& round) { return round.packs().states; }), first.packs().executed};
  if (group.first == 0) {
    group.text = {part([](const ControlRound& round) { return round.text_.values; }),
                  part([](const ControlRound& round) { return round.text_.used; })};
  } else {
    group.anchor = part([](const ControlRound& round) { return round.anchor_; });
  }
  if (!first.keeps_keys()) return group;
  for (const Member& member : members) group.caches.push_back(&member.round->caches_);
  return group;
}

void RoundBatch::hand_out(const Members& members, const WindowGroup& group, const Conditions& conditions) {
  PhysGenModel& model = members.front().round->model_;
  const at::Tensor condition = of_newest(model->head_condition(conditions));  // [n, K, C]
  const at::Tensor frame_condition = of_newest(conditions.frames);            // [n, M, C]
  for (size_t i = 0; i < members.size(); ++i) {
    ControlRound& round = *members[i].round;
    const auto own = [&](const at::Tensor& all) { return all.narrow(0, static_cast<int64_t>(i), 1); };
    if (group.first == 0 && group.anchor.defined()) keep(round.anchor_, own(group.anchor), round.device_);
    round.keep_conditions(own(condition), own(frame_condition));
    round.finish();
  }
}

std::vector<at::Tensor> RoundBatch::denoise() {
  std::map<const ControlRound*, at::Tensor> actions;
  const auto groups = grouped(members_, [](const Member& one, const Member& other) {
    return one.inputs->start.defined() == other.inputs->start.defined() &&
           one.round->sampler_.is_like(other.round->sampler_);
  });
  for (const Members& group : groups) {
    const at::Tensor sampled = sample(group).cpu();
    for (size_t i = 0; i < group.size(); ++i) {
      actions[group[i].round] = sampled.narrow(0, static_cast<int64_t>(i), 1).clone();
    }
  }
  std::vector<at::Tensor> in_order;
  for (const Member& member : members_) in_order.push_back(actions.at(member.round));
  return in_order;
}

at::Tensor RoundBatch::sample(const Members& members) {
  const auto part = [&](const auto& of) {
    return joined(members, [&](const Member& member) { return of(*member.round); });
  };
  const bool is_warm = members.front().inputs->start.defined();
  const at::Tensor start = is_warm ? part([](const ControlRound& round) { return round.start_; }) : at::Tensor();
  std::vector<at::Generator> generators;
  for (const Member& member : members) generators.push_back(member.inputs->generator);
  return members.front().round->sampler_.sample(part([](const ControlRound& round) { return round.condition_; }),
                                                part([](const ControlRound& round) { return round.noise_; }), start,
                                                generators);
}

}  // namespace physgen
