#include <exception>
#include <iostream>

#include <physgen/core/error.h>
#include <physgen/media/image.h>
#include <physgen/policy/controller.h>

// A program of a user's own: consumer CHECKPOINT FRAME.png INSTRUCTION prints the first chunk of actions.
int main(int argc, char** argv) {
  if (argc != 4) {
    std::cerr << "usage: consumer CHECKPOINT FRAME.png INSTRUCTION\n";
    return 2;
  }
  try {
    const auto policy = physgen::Policy::load(argv[1], {.device = "cpu"});
    const physgen::Image frame = physgen::read_png(argv[2]);
    physgen::Controller controller(policy);
    controller.reset(argv[3], /*seed=*/0);
    const physgen::Matrix actions = controller.act({.views = {frame}, .state = {}}, physgen::Matrix());
    std::cout << actions << '\n';
    return 0;
  } catch (const physgen::Error& error) {
    std::cerr << error.what() << '\n';
    return error.exit_code();
  } catch (const std::exception& error) {
    std::cerr << error.what() << '\n';
    return 1;
  }
}
