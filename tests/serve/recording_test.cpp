#include <gtest/gtest.h>
#include <spdlog/spdlog.h>

#include <filesystem>
#include <nlohmann/json.hpp>

#include "physgen/client/remote_policy.h"
#include "physgen/data/demonstration_dataset.h"
#include "serve/fake_policy.h"
#include "serve/session.h"
#include "serve/session_recorder.h"
#include "support/problem_of.h"
#include "support/temporary_folder.h"
#include "wire/message_writer.h"

namespace physgen {
namespace {

std::vector<std::filesystem::path> folders_in(const std::filesystem::path& folder) {
  std::vector<std::filesystem::path> found;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) found.push_back(entry.path());
  return found;
}

/// Whose actions may be any.
PolicyDescription robot_description() {
  PolicyDescription description = fake_description();
  description.control_mode = "pd_joint_pos";
  return description;
}

class Recording : public testing::Test {
 protected:
  static void SetUpTestSuite() { spdlog::set_level(spdlog::level::off); }
  static void TearDownTestSuite() { spdlog::set_level(spdlog::level::info); }

  const TemporaryFolder folder;
};

TEST_F(Recording, ASessionBecomesDemonstrations) {
  PolicyDescription description = robot_description();
  description.state_width = 2;
  ServerOptions options;
  options.port = 0;
  options.recordings = folder.path() / "recordings";
  std::vector<Matrix> executed(2);
  {
    const PolicyServer server(fake_policy(description), options);
    RemotePolicy remote(server.url());
    for (int episode = 0; episode < 2; ++episode) {
      remote.reset(episode ? "pull" : "push", 1);
      Matrix done;
      for (int round = 0; round < 3; ++round) {
        const auto value = static_cast<uint8_t>(episode * 10 + round);
        const Matrix actions = remote.act({{picture(value, 8), picture(100, 8)}, {float(value), 1}}, done);
        done = actions * 0.5f;
        if (round == 2) continue;
        Matrix& all = executed[static_cast<size_t>(episode)];
        all.conservativeResize(all.rows() + 3, 2);
        all.bottomRows(3) = done;
      }
    }
    remote.reset("push", 2);
    remote.act({{picture(1, 8), picture(1, 8)}, {0, 0}}, {});  // after which nothing was seen
  }
  const auto sets = folders_in(options.recordings);
  ASSERT_EQ(sets.size(), 1u);
  const DemonstrationDataset recorded({sets[0].string()});
  ASSERT_EQ(recorded.size(), 2);
  for (int64_t episode = 0; episode < 2; ++episode) {
    const Episode read = recorded.read(episode);
    EXPECT_EQ(read.info.instruction, episode ? "pull" : "push");
    EXPECT_EQ(read.info.look_every, 3);
    EXPECT_EQ(read.actions, executed[static_cast<size_t>(episode)]);
    for (int64_t row = 0; row <= 6; ++row) {
      const auto value = static_cast<uint8_t>(episode * 10 + row / 3);
      EXPECT_EQ(recorded.read_frame(episode, "agentview", row), picture(value, 8));
      EXPECT_EQ(read.states(row, 0), float(value));
    }
  }
}

TEST_F(Recording, AHarnessesStepsAreLooksAndItsFailuresFailures) {
  WorkQueue thread(1);
  const auto recorder = std::make_shared<SessionRecorder>(robot_description(), folder.path(), "set", 20, thread);
  Session session(fake_policy(),
                  std::make_shared<const ObservationKeys>(fake_description(), std::map<std::string, std::string>()), {},
                  [&](const SessionEvent& event) {
                    recorder->watch(event);
                    return nullptr;
                  });
  const auto say = [&](const char* type, const MessageWriter& payload) {
    MessageWriter message(ArrayKeys::text);
    message.add_text("type", type).add_map("payload", payload).add_integer("seq", 1).add_number("timestamp", 1);
    const auto answer = session.receive(web_message(message.bytes()), {}).message;
    return answer ? Message(answer->bytes).map("payload").floats("actions") : std::vector<float>();
  };
  std::vector<std::vector<float>> actions;
  for (uint8_t step = 0; step < 5; ++step) {
    MessageWriter images(ArrayKeys::text), payload(ArrayKeys::text);
    images.add_image("agentview", picture(step)).add_image("wrist", picture(9));
    actions.push_back(say("observation", payload.add_map("images", images)));
  }
  MessageWriter metrics(ArrayKeys::text), payload(ArrayKeys::text);
  say("episode_end", payload.add_map("metrics", metrics.add_flag("success", false)));
  recorder->finish();
  thread.finish();
  const DemonstrationDataset recorded({(folder.path() / "set").string()});
  const Episode read = recorded.read(0);
  EXPECT_FALSE(read.info.success);
  EXPECT_EQ(read.info.look_every, 1);
  ASSERT_EQ(read.actions.rows(), 4);
  for (int64_t row = 0; row < 4; ++row) {
    const std::vector<float>& expected = actions[static_cast<size_t>(row)];
    EXPECT_EQ(std::vector<float>({read.actions(row, 0), read.actions(row, 1)}), expected);
  }
  EXPECT_EQ(recorded.read_frame(0, "agentview", 4), picture(4));
}

TEST_F(Recording, AFolderThatCannotBeWrittenToIsSaidAtOnce) {
  ServerOptions options;
  options.port = 0;
  options.recordings = "/proc/nowhere";
  EXPECT_EQ(problem_of<Error>([&] { PolicyServer(fake_policy(), options); }).where, "/proc/nowhere");
}

}  // namespace
}  // namespace physgen
