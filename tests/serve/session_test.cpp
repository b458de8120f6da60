#include "serve/session.h"

#include <gtest/gtest.h>
#include <spdlog/spdlog.h>

#include <array>
#include <nlohmann/json.hpp>
#include <stdexcept>

#include "serve/fake_policy.h"
#include "wire/message_writer.h"
#include "wire/policy_metadata.h"

namespace physgen {
namespace {

using nlohmann::json;

/// A session and what it answers, with a clock of the test's.
class Talk {
 public:
  explicit Talk(const PolicyDescription& description = fake_description(),
                const std::map<std::string, std::string>& keys = {})
      : session_(fake_policy(description), std::make_shared<const ObservationKeys>(description, keys),
                 {.idle_seconds = 2, .seed = 7}, [](const SessionEvent&) { return nullptr; }) {}

  std::optional<WebMessage> say(const std::string& bytes, bool text = false) {
    Session::Answer answer = session_.receive(web_message(bytes, text), {.seconds = seconds += 0.1});
    closes = answer.closes;
    return answer.message;
  }
  std::optional<WebMessage> say(const MessageWriter& message) { return say(message.bytes()); }

  /// What must be answered.
  WebMessage said(const std::string& bytes, bool text = false) {
    const std::optional<WebMessage> answer = say(bytes, text);
    if (!answer) throw std::runtime_error("no answer");
    return *answer;
  }
  Message ask(const MessageWriter& message) { return Message(said(message.bytes()).bytes); }
  /// Of openpi's: the code of the text that refuses.
  json refusal(const MessageWriter& message) {
    const WebMessage answer = said(message.bytes());
    EXPECT_TRUE(answer.text);
    return json::parse(answer.bytes);
  }
  WebMessage greet() { return session_.greet(); }

  double seconds = 0;
  bool closes = false;

 private:
  Session session_;
};

MessageWriter openpi(uint8_t pixel) {
  MessageWriter message;
  message.add_image("observation/image", picture(pixel)).add_image("observation/wrist_image", picture(9));
  return message;
}

MessageWriter harness(const char* type, int64_t sequence, const MessageWriter& payload) {
  MessageWriter message(ArrayKeys::text);
  message.add_text("type", type).add_map("payload", payload).add_integer("seq", sequence).add_number("timestamp", 1.5);
  return message;
}

MessageWriter harness_observation(uint8_t pixel, int64_t sequence) {
  MessageWriter images(ArrayKeys::text), payload(ArrayKeys::text);
  images.add_image("agentview", picture(pixel)).add_image("wrist", picture(9));
  payload.add_map("images", images).add_text("task_description", "push");
  return harness("observation", sequence, payload);
}

/// What the policy answers in process.
struct InProcess {
  RememberingRobot robot;
  Matrix last;

  Matrix act(uint8_t pixel) { return last = robot.act({{picture(pixel), picture(9)}, {}}, last).topRows(3).eval(); }
};

TEST(OpenpiSession, RepliesAreThoseInProcess) {
  Talk talk;
  InProcess local;
  local.robot.reset("push", 7);
  for (const uint8_t pixel : std::to_array<uint8_t>({3, 50, 200}))
    EXPECT_EQ(talk.ask(openpi(pixel)).matrix("actions"), local.act(pixel));
}

TEST(OpenpiSession, SeedExecutedAndResetAreTheClients) {
  Talk talk;
  InProcess local;
  local.robot.reset("lift", 99);
  talk.ask(openpi(1));
  EXPECT_EQ(
      talk.ask(openpi(3).add_flag("reset", true).add_unsigned("seed", 99).add_text("prompt", "lift")).matrix("actions"),
      local.act(3));
  local.last.setConstant(0.5f);
  const Message reply =
      talk.ask(openpi(4).add_matrix("executed", Matrix::Constant(3, 2, 0.5f)).add_text("prompt", "lift"));
  EXPECT_EQ(reply.matrix("actions"), local.act(4));
  EXPECT_EQ(reply.map("server_timing").integer("episode", 0, 9), 1);
  EXPECT_EQ(reply.map("server_timing").integer("round", 0, 9), 1);
  EXPECT_EQ(reply.map("server_timing").integer("began_by_reset", 0, 9), 1);
}

TEST(OpenpiSession, AnotherPromptAndAPauseBeginAnEpisode) {
  Talk talk;
  const auto timing = [&](const MessageWriter& message) { return talk.ask(message).map("server_timing"); };
  EXPECT_TRUE(timing(openpi(1).add_text("prompt", "push")).has("began_by_first"));
  EXPECT_TRUE(timing(openpi(1)).has("began_by_first"));
  const Message other = timing(openpi(1).add_text("prompt", "pull"));
  EXPECT_TRUE(other.has("began_by_instruction"));
  EXPECT_EQ(other.integer("round", 0, 9), 0);
  talk.seconds += 1.8;
  EXPECT_EQ(timing(openpi(1)).integer("episode", 0, 9), 1);
  talk.seconds += 2.1;
  const Message paused = timing(openpi(1));
  EXPECT_TRUE(paused.has("began_by_pause"));
  EXPECT_EQ(paused.integer("episode", 0, 9), 2);
}

TEST(OpenpiSession, WhoSaysWhatWasExecutedMayPause) {
  Talk talk;
  const Matrix executed = talk.ask(openpi(1)).matrix("actions");
  talk.seconds += 100;
  EXPECT_EQ(talk.ask(openpi(2).add_matrix("executed", executed)).map("server_timing").integer("round", 0, 9), 1);
}

TEST(OpenpiSession, ItsGreetingDescribesThePolicy) {
  const Message greeting(Talk().greet().bytes);
  const PolicyDescription policy = description_of(greeting);
  EXPECT_EQ(policy.cameras, fake_description().cameras);
  EXPECT_EQ(policy.execute, 3);
  EXPECT_EQ(policy.instruction, "push");
  EXPECT_EQ(greeting.text("type"), "hello");
}

TEST(OpenpiSession, WhatIsMissingOrWrongIsNamed) {
  Talk talk;
  MessageWriter one_view;
  one_view.add_image("observation/image", picture(1)).add_text("prompt", "push");
  json refusal = talk.refusal(one_view);
  EXPECT_EQ(refusal["code"], "missing_camera");
  EXPECT_EQ(refusal["field"], "eye_in_hand");
  EXPECT_NE(refusal["message"].get<std::string>().find("the keys are observation/image, prompt"), std::string::npos);
  EXPECT_EQ(talk.refusal(openpi(1).add_integer("prompt", 3))["field"], "prompt");
  EXPECT_EQ(talk.refusal(openpi(1).add_text("seed", "x"))["field"], "seed");
  EXPECT_EQ(talk.refusal(openpi(1).add_numbers("observation/state", {1, NAN}))["field"], "observation/state");
  talk.ask(openpi(1));
  EXPECT_EQ(talk.refusal(openpi(1).add_matrix("executed", Matrix::Zero(2, 2)))["code"], "bad_executed");
  EXPECT_EQ(json::parse(talk.said("hello", true).bytes)["code"], "bad_message");
  EXPECT_EQ(json::parse(talk.said("\xc1").bytes)["code"], "bad_message");
  EXPECT_FALSE(talk.closes);
  EXPECT_EQ(talk.ask(openpi(1)).matrix("actions").rows(), 3);
}

TEST(OpenpiSession, TheStateIsReadWhereThePolicyLooksAtIt) {
  PolicyDescription description = fake_description();
  description.state_width = 2;
  Talk talk(description);
  EXPECT_EQ(talk.refusal(openpi(1))["code"], "missing_state");
  EXPECT_EQ(talk.refusal(openpi(1).add_numbers("observation/state", {1}))["code"], "bad_state");
  InProcess local;
  local.robot.reset("push", 7);
  const Matrix expected = local.robot.act({{picture(1), picture(9)}, {1, 2}}, {});
  EXPECT_EQ(talk.ask(openpi(1).add_numbers("observation/state", {1, 2})).matrix("actions"), expected.topRows(3));
}

TEST(OpenpiSession, NeitherErrorsNorWhatIsNotFiniteGoOut) {
  spdlog::set_level(spdlog::level::off);
  Talk talk;
  talk.ask(openpi(1));
  const json failed = talk.refusal(openpi(254));
  EXPECT_EQ(failed["code"], "policy_failed");
  EXPECT_EQ(failed.dump().find("secret"), std::string::npos);
  EXPECT_TRUE(talk.ask(openpi(1)).map("server_timing").has("began_by_failure"));
  EXPECT_EQ(talk.refusal(openpi(255))["code"], "no_actions");
  EXPECT_EQ(talk.refusal(openpi(1).add_text("prompt", "throw"))["code"], "policy_failed");
  EXPECT_EQ(talk.ask(openpi(1)).map("server_timing").integer("round", 0, 9), 0);
  spdlog::set_level(spdlog::level::info);
}

TEST(Session, KeysMayBeOthers) {
  Talk talk(fake_description(), {{"agentview", "left"}, {"prompt", "say"}});
  MessageWriter message;
  message.add_image("left", picture(3)).add_image("eye_in_hand", picture(9)).add_text("say", "push");
  EXPECT_EQ(talk.ask(message).matrix("actions").rows(), 3);
  EXPECT_EQ(talk.refusal(openpi(1))["code"], "missing_camera");
}

TEST(Session, AViewIsNeverTakenForThatOfAnotherCamera) {
  PolicyDescription description = fake_description();
  description.cameras = {"wrist", "hand_camera"};
  Talk talk(description);
  MessageWriter message;
  message.add_image("wrist", picture(3));
  EXPECT_EQ(talk.refusal(message)["field"], "hand_camera");
  message.add_image("hand_camera", picture(3));
  EXPECT_EQ(talk.ask(message).matrix("actions").rows(), 3);
}

TEST(Session, AKeyOfManyBytesOrOfNoTextIsToldInFew) {
  Talk talk;
  const std::string bytes = "\x82\xa1\xff\x01\xdb" + std::string("\0\1\0\0", 4) + std::string(65536, 'k') + "\x01";
  const json refusal = json::parse(talk.said(bytes).bytes);
  EXPECT_EQ(refusal["code"], "missing_camera");
  EXPECT_LT(refusal.dump().size(), 600u);
  EXPECT_EQ(talk.refusal(openpi(1).add_text("prompt", std::string(5000, 'p')))["code"], "bad_prompt");
}

TEST(HarnessSession, EachObservationGetsTheNextActionOfTheChunk) {
  Talk talk;
  InProcess local;
  local.robot.reset("push", 7);
  const Message hello = talk.ask(harness("hello", 1, MessageWriter().add_integer("protocol_version", 1)));
  EXPECT_EQ(hello.text("type"), "hello");
  EXPECT_EQ(hello.map("payload").integer("protocol_version", 0, 9), 1);
  EXPECT_FALSE(talk.say(harness("episode_start", 2, MessageWriter())).has_value());
  for (int64_t sequence = 3; sequence < 9; ++sequence) {
    const Message reply = talk.ask(harness_observation(static_cast<uint8_t>(sequence), sequence));
    EXPECT_EQ(reply.text("type"), "action");
    EXPECT_EQ(reply.integer("seq", 0, 99), sequence);
    const int64_t row = (sequence - 3) % 3;
    if (row == 0) local.act(static_cast<uint8_t>(sequence));
    EXPECT_EQ(reply.map("payload").floats("actions"), std::vector<float>({local.last(row, 0), local.last(row, 1)}));
  }
}

TEST(HarnessSession, AnEpisodeThatStartsForgetsTheChunk) {
  Talk talk;
  talk.ask(harness("hello", 1, MessageWriter().add_integer("protocol_version", 1)));
  talk.ask(harness_observation(10, 2));
  EXPECT_FALSE(talk.say(harness("episode_end", 3, MessageWriter())).has_value());
  EXPECT_FALSE(talk.say(harness("episode_start", 4, MessageWriter())).has_value());
  InProcess local;
  local.robot.reset("push", 8);  // the second episode's seed
  EXPECT_EQ(talk.ask(harness_observation(20, 5)).map("payload").floats("actions")[0], local.act(20)(0, 0));
}

TEST(HarnessSession, TheEndOfAnEpisodeHasNoReplyWhateverItSays) {
  Talk talk;
  talk.ask(harness_observation(10, 2));
  MessageWriter metrics(ArrayKeys::text), payload(ArrayKeys::text);
  metrics.add_number("success", 0.5);
  EXPECT_FALSE(talk.say(harness("episode_end", 3, payload.add_map("metrics", metrics))).has_value());
  EXPECT_EQ(talk.ask(harness_observation(10, 4)).integer("seq", 0, 9), 4);
}

TEST(HarnessSession, AHelloThatCrossedTheGreetingIsAnsweredOnce) {
  Talk talk;
  talk.greet();
  EXPECT_FALSE(talk.say(harness("hello", 1, MessageWriter().add_integer("protocol_version", 1))).has_value());
  EXPECT_EQ(talk.ask(harness_observation(1, 2)).text("type"), "action");
}

TEST(HarnessSession, ErrorsAreMessages) {
  Talk talk;
  const Message other = talk.ask(harness("hello", 1, MessageWriter().add_integer("protocol_version", 2)));
  EXPECT_EQ(other.text("type"), "error");
  EXPECT_EQ(other.map("payload").text("code"), "other_protocol");
  EXPECT_TRUE(talk.closes);
  const Message missing = talk.ask(harness("observation", 5, MessageWriter()));
  EXPECT_EQ(missing.integer("seq", 0, 9), 5);
  EXPECT_EQ(missing.map("payload").text("code"), "missing_camera");
  EXPECT_FALSE(talk.closes);
}

}  // namespace
}  // namespace physgen
