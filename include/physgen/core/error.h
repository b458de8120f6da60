#pragma once

#include <stdexcept>
#include <string>

namespace physgen {

/// What went wrong, in the words a user needs to mend it. Empty parts are left out of the text.
struct Problem {
  std::string what = {};       ///< one sentence: "the action width differs from the checkpoint's"
  std::string where = {};      ///< file, tensor, key or flag
  std::string got = {};        ///< what was found
  std::string expected = {};   ///< what would have been right
  std::string next_step = {};  ///< what to do about it
};

/// A failure with a one- to three-line text. Exit code 1: the files, the machine or the program are at fault.
class Error : public std::runtime_error {
 public:
  /// Keeps the problem in `printable` words.
  explicit Error(const Problem& problem);
  const Problem& problem() const { return problem_; }
  virtual int exit_code() const { return 1; }

 private:
  Problem problem_;
};

/// The user wrote something wrong: a flag, a config key, a path that does not exist. Exit code 2.
class ConfigError : public Error {
 public:
  using Error::Error;
  int exit_code() const override { return 2; }
};

/// A file is not what it should be: damaged, of another format, or of other contents than needed. Exit code 1.
class FormatError : public Error {
 public:
  using Error::Error;
};

/// Does the work of reading a file: a ConfigError, which blames the user, becomes the FormatError of that file.
template <class Work>
auto blaming_the_file(const Work& work) {
  try {
    return work();
  } catch (const ConfigError& error) {
    throw FormatError(error.problem());
  }
}

/// The lines of a problem: `what: where`, `got …, expected …`, `next step`.
std::string to_text(const Problem& problem);

}  // namespace physgen
