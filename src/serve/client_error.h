#pragma once

#include <string>

#include <fmt/format.h>

#include "physgen/core/error.h"

namespace physgen {

/// What a client is told: a code for programs, a sentence for people, and the field of its message.
struct ClientProblem {
  std::string code;
  std::string sentence;
  std::string field = {};
  bool closes = false;  ///< the session ends with it
};

/// A client asked for something that it cannot have.
class ClientError : public Error {
 public:
  explicit ClientError(ClientProblem problem)
      : Error({.what = problem.sentence, .where = problem.field}), problem_(std::move(problem)) {}
  const ClientProblem& client_problem() const { return problem_; }

 private:
  ClientProblem problem_;
};

/// Of a message that is not as agreed.
inline ClientProblem client_problem(const FormatError& error) {
  const Problem& problem = error.problem();
  std::string sentence = fmt::format("{}: {}, expected {}", problem.where, problem.got, problem.expected);
  constexpr size_t kLongest = 60;
  return {.code = "bad_message", .sentence = std::move(sentence), .field = problem.where.substr(0, kLongest)};
}

}  // namespace physgen
