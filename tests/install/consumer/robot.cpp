#include <algorithm>
#include <chrono>
#include <exception>
#include <iostream>
#include <string>
#include <thread>

#include <physgen/client/remote_policy.h>
#include <physgen/core/error.h>

using physgen::Image;
using physgen::Matrix;

// Your robot's own: here one that stands before a grey wall, and believes what it is told.
struct Robot {
  physgen::Observation look(size_t cameras) const {
    return {.views = std::vector<Image>(cameras, {64, 64, std::vector<uint8_t>(64 * 64 * 3, 128)}), .state = joints};
  }
  void move(const Eigen::RowVectorXf& action) { std::cout << action << std::endl; }

  std::vector<float> joints = std::vector<float>(9, 0.0f);
};

// robot URL INSTRUCTION ROUNDS [TOKEN]: acts as a policy says that `physgen serve` serves.
int main(int argc, char** argv) {
  if (argc < 4) return 2;
  try {
    physgen::RemotePolicy policy(argv[1], {.token = argc > 4 ? argv[4] : ""});
    Robot robot;
    policy.reset(argv[2], /*seed=*/0);
    const double rate = policy.description().control_rate;
    const std::chrono::duration<double> step(rate > 0 ? 1 / rate : 0.05);  // a control step: as long as it was learned
    Matrix executed;                                                       // nothing yet
    for (int round = 0; round < std::stoi(argv[3]); ++round) {
      const Matrix actions = policy.act(robot.look(policy.description().cameras.size()), executed);
      for (const auto& action : actions.rowwise()) {
        robot.move(action);
        std::this_thread::sleep_for(step);
      }
      executed = actions;
    }
    policy.close();
    return 0;
  } catch (const physgen::Error& error) {  // no server, a refusal, no reply in time: stop the robot
    std::cerr << error.what() << '\n';
    return error.exit_code();
  } catch (const std::exception& error) {
    std::cerr << error.what() << '\n';
    return 1;
  }
}
