#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <physgen/core/matrix.h>

namespace physgen {

/// From a row of an episode on, the robot is asked for something else.
struct LaterTask {
  int64_t row = 0;
  std::string instruction;
};

/// What is known of a recorded demonstration without reading its arrays.
struct EpisodeInfo {
  std::string source;         ///< "FILE:traj_12", for errors and reports
  std::string task;           ///< the simulator's name of it: "PushCube-v1"
  std::string instruction;    ///< what the robot is asked to do, at first
  std::string control_mode;   ///< the simulator's name of it: "pd_joint_pos"
  int64_t control_steps = 0;  ///< T: rows of `actions`; frames and states have T + 1
  int64_t seed = -1;          ///< what the environment was reset with; -1 unknown
  bool success = true;
  int64_t look_every = 1;  ///< control steps from one picture and state to the next; the rows between repeat them
  std::vector<LaterTask> later_tasks = {};  ///< of an episode with several tasks; rows ascend, 0 < row <= T
};

/// A stretch of an episode in which the robot is asked for one thing: the actions [first, last), and the frames from
/// first to last.
struct EpisodePart {
  int64_t first = 0;
  int64_t last = 0;
  bool ends = true;  ///< the episode, too
  std::string instruction = {};
};

/// At least one. A task of which no action is left, that of the last row alone, has no part.
std::vector<EpisodePart> parts_of(const EpisodeInfo& info);
/// The part that an action belongs to, 0 <= row < T.
EpisodePart part_of(const EpisodeInfo& info, int64_t row);

/// Something that looks like a demonstration, or a file of them, and is not read.
struct LeftOut {
  std::string where;
  std::string why;
};

/// What a set of demonstrations was recorded with, as far as it tells.
struct Recording {
  double frames_per_second = 0;           ///< control steps a second; 0: not known
  std::string robot = {};                 ///< "panda", "so101", …; empty: not known
  std::vector<std::string> action_names;  ///< one a column, or none
  std::vector<std::string> state_names;   ///< likewise
};

/// Whether a control mode is one of ManiSkill's or LIBERO's, whose controllers run at 20 Hz whatever a data set says.
inline bool is_simulated(std::string_view control_mode) {
  return control_mode.starts_with("pd_") || control_mode == "osc_pose";
}

/// A recorded demonstration without its frames.
struct Episode {
  EpisodeInfo info;
  Matrix actions;  ///< [T, A], in the simulator's units
  Matrix states;   ///< [T + 1, S] joint positions, or empty
};

}  // namespace physgen
