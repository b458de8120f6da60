#include "wire/message.h"
#include "wire/message_writer.h"

#include <gtest/gtest.h>

#include "physgen/core/error.h"
#include "support/problem_of.h"

namespace physgen {
namespace {

using namespace std::string_literals;

std::vector<char> bytes_of(const std::string& text) { return {text.begin(), text.end()}; }

Problem refusal_of(const std::string& text) {
  return problem_of<FormatError>([&] { const Message message(bytes_of(text)); });
}

TEST(Message, WhatIsWrittenIsRead) {
  const Message message(bytes_of(MessageWriter("make")
                                     .add_flag("state", true)
                                     .add_integer("size", -3)
                                     .add_text("task", "PushCube-v1")
                                     .add_texts("cameras", {"one", "two"})
                                     .bytes()));
  EXPECT_EQ(message.text("request"), "make");
  EXPECT_TRUE(message.flag("state"));
  EXPECT_EQ(message.integer("size", -10, 10), -3);
  EXPECT_EQ(message.texts("cameras"), std::vector<std::string>({"one", "two"}));
  EXPECT_FALSE(message.has("record"));
}

TEST(Message, AMatrixIsWrittenAsOpenpiWritesAnArray) {
  Matrix actions(1, 2);
  actions << 1, 2;
  const std::string array = std::string("\x84\xc4\x0b__ndarray__\xc3\xc4\x04") +
                            std::string("data\xc4\x08\x00\x00\x80\x3f\x00\x00\x00\x40\xc4\x05", 16) +
                            "dtype\xa3<f4\xc4\x05shape\x92\x01\x02";
  EXPECT_EQ(MessageWriter("step").add_matrix("actions", actions).bytes(),
            "\x82\xa7request\xa4step\xa7"
            "actions" +
                array);
}

TEST(Message, BytesThatAreNotOneMapAreRefused) {
  EXPECT_NE(refusal_of("").got.find("not MessagePack"), std::string::npos);
  EXPECT_NE(refusal_of("\xc1").got.find("not MessagePack"), std::string::npos);
  EXPECT_NE(refusal_of("\x81\xa1"
                       "a")
                .got.find("not MessagePack"),
            std::string::npos);
  EXPECT_EQ(refusal_of("\x01").got, "an integer");
  EXPECT_EQ(refusal_of(std::string("\x80\x00", 2)).got, "1 bytes after the message");
  EXPECT_EQ(refusal_of("\x81\x01\x01").got, "a key that is an integer");
  EXPECT_EQ(refusal_of("\x82\xa1"
                       "a\x01\xa1"
                       "a\x02")
                .got,
            "the key twice");
}

TEST(Message, AnnouncedSizesAreNotBelieved) {
  EXPECT_NE(refusal_of("\x81\xa1"
                       "a\xdd\xff\xff\xff\xff")
                .got.find("not MessagePack"),
            std::string::npos);
  EXPECT_NE(refusal_of("\x81\xa1"
                       "a\xc6\xff\xff\xff\xff")
                .got.find("not MessagePack"),
            std::string::npos);
  EXPECT_NE(refusal_of("\xdf\xff\xff\xff\xff").got.find("not MessagePack"), std::string::npos);
  EXPECT_NE(refusal_of("\x81\xa1"
                       "a" +
                       std::string(100'000, '\x91'))
                .got.find("not MessagePack"),
            std::string::npos);
}

TEST(Message, AnyCutOrFlippedByteIsRefusedOrHarmless) {
  Matrix actions = Matrix::Random(2, 3);
  const std::string whole = MessageWriter("step").add_matrix("actions", actions).add_texts("list", {"a", "b"}).bytes();
  for (size_t length = 0; length < whole.size(); ++length) {
    EXPECT_THROW(Message(bytes_of(whole.substr(0, length))), FormatError);
  }
  for (size_t bit = 0; bit < whole.size() * 8; ++bit) {
    std::string spoiled = whole;
    spoiled[bit / 8] = static_cast<char>(spoiled[bit / 8] ^ (1 << (bit % 8)));
    try {
      const Message message(bytes_of(spoiled));
      message.texts("list");
      message.images("actions");
    } catch (const FormatError&) {
    }
  }
}

TEST(Message, MapsInAListAreReadAsMessages) {
  const Message message(
      bytes_of("\x81\xa5tasks\x92\x82\xa4name\xa3one\xa4rate\x05\x82\xa4name\xa3two\xa4rate\xca\x3f\x40\x00\x00"s));
  const std::vector<Message> tasks = message.maps("tasks");
  ASSERT_EQ(tasks.size(), 2u);
  EXPECT_EQ(tasks[1].text("name"), "two");
  EXPECT_EQ(tasks[0].number("rate"), 5);
  EXPECT_EQ(tasks[1].number("rate"), 0.75);
  EXPECT_EQ(problem_of<FormatError>([&] { tasks[1].integer("rate", 0, 9); }).where, "tasks[1].rate");
  EXPECT_EQ(problem_of<FormatError>([&] { tasks[0].number("name"); }).got, "a text");
  EXPECT_EQ(problem_of<FormatError>([&] { message.maps("absent"); }).got, "no such key");
  const auto maps_of = [](const std::string& text) { Message(bytes_of(text)).maps("a"); };
  EXPECT_EQ(problem_of<FormatError>([&] {
              maps_of(
                  "\x81\xa1"
                  "a\x91\x07");
            }).got,
            "an integer");
  EXPECT_EQ(problem_of<FormatError>([&] {
              maps_of(
                  "\x81\xa1"
                  "a\x91\x81\x01\x01");
            }).where,
            "a[0]");
  const Message infinite(
      bytes_of("\x81\xa1"
               "a\xca\x7f\x80\x00\x00"s));
  EXPECT_EQ(problem_of<FormatError>([&] { infinite.number("a"); }).expected, "a finite number");
}

TEST(Message, WrongTypesNameTheKey) {
  const Message message(bytes_of(MessageWriter("x").add_integer("steps", 7).add_flag("done", false).bytes()));
  Problem problem = problem_of<FormatError>([&] { message.integer("done", 0, 1); });
  EXPECT_EQ(problem.where, "done");
  EXPECT_EQ(problem.got, "a boolean");
  EXPECT_EQ(problem.expected, "an integer from 0 to 1");
  EXPECT_EQ(problem_of<FormatError>([&] { message.integer("steps", 0, 6); }).got, "7");
  EXPECT_EQ(problem_of<FormatError>([&] { message.flag("steps"); }).got, "an integer");
  EXPECT_EQ(problem_of<FormatError>([&] { message.text("absent"); }).got, "no such key");
  EXPECT_EQ(problem_of<FormatError>([&] { message.images("steps"); }).expected, "a list of pictures");
  EXPECT_EQ(problem_of<FormatError>([&] { message.floats("steps"); }).expected, "an array");
}

}  // namespace
}  // namespace physgen
