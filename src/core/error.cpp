#include "physgen/core/error.h"

#include <utility>

namespace physgen {

Error::Error(Problem problem) : std::runtime_error(to_text(problem)), problem_(std::move(problem)) {}

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
