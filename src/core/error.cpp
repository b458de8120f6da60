#include "physgen/core/error.h"

#include <utility>

#include "core/printable.h"

namespace physgen {

namespace {

// Files may say anything, and what they say is quoted in problems.
Problem made_printable(Problem problem) {
  for (std::string* part : {&problem.what, &problem.where, &problem.got, &problem.expected, &problem.next_step}) {
    *part = printable(*part);
  }
  return problem;
}

}  // namespace

Error::Error(const Problem& problem)
    : std::runtime_error(to_text(made_printable(problem))), problem_(made_printable(problem)) {}

std::string to_text(const Problem& problem) {
  std::string text = problem.what;
  if (!problem.where.empty()) text += ": " + problem.where;
  std::string comparison;
  if (!problem.got.empty()) comparison = "got " + problem.got;
  if (!problem.expected.empty()) comparison += (comparison.empty() ? "expected " : ", expected ") + problem.expected;
  if (!comparison.empty()) text += "\n  " + comparison;
  if (!problem.next_step.empty()) text += "\n  " + problem.next_step;
  return text;
}

}  // namespace physgen
