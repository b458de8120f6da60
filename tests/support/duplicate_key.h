#pragma once

#include <filesystem>
#include <string>

#include "support/problem_of.h"
#include "support/temporary_folder.h"

namespace physgen {

/// A key stands twice in the first object of a file of JSON, or of JSON lines: `read` must refuse it and say where. The
/// file is afterwards as it was.
template <class Kind, class Action>
void expect_duplicate_key_refused(const std::filesystem::path& path, Action read) {
  const std::string text = read_bytes(path);
  const size_t begin = text.find('{');
  ASSERT_NE(begin, text.npos) << path;
  write_bytes(path, std::string(text).insert(
                        begin + 1, begin + 1 == text.find('}') ? R"("twice":1,"twice":2)" : R"("twice":1,"twice":2,)"));
  const Problem problem = problem_of<Kind>(read);
  EXPECT_EQ(problem.what, "a JSON key stands twice in one object") << path;
  EXPECT_EQ(problem.where, path.string() + ", line 1: twice");
  EXPECT_EQ(problem.got, "\"twice\" a second time");
  write_bytes(path, text);
}

}  // namespace physgen
