#include "text/word.h"

#include <initializer_list>
#include <utility>

#include "text/code_point.h"
#include "text/code_point_class.h"

namespace physgen {
namespace {

using Class = CodePointClass;

/// A code point's class and the bytes that it takes.
std::pair<Class, size_t> look(std::string_view text, size_t at) {
  const CodePoint found = code_point_at(text, at).value();
  return {class_of(found.value), found.length};
}

size_t end_of_contraction(std::string_view text, size_t begin) {
  for (const std::string_view ending : {"'s", "'t", "'re", "'ve", "'m", "'ll", "'d"}) {
    if (text.substr(begin).starts_with(ending)) return begin + ending.size();
  }
  return begin;
}

/// Where a run of one class ends, and where its last code point begins.
struct Run {
  size_t end, last;
};

Run run_of(Class wanted, std::string_view text, size_t begin) {
  Run run{begin, begin};
  while (run.end < text.size()) {
    const auto [found, length] = look(text, run.end);
    if (found != wanted) break;
    run = {run.end + length, run.end};
  }
  return run;
}

/// A run leaves its last white space to the word after it, where it has any other.
size_t end_of_space(std::string_view text, size_t begin) {
  const Run run = run_of(Class::space, text, begin);
  return run.end == text.size() || run.last == begin ? run.end : run.last;
}

}  // namespace

size_t end_of_word(std::string_view text, size_t begin) {
  if (const size_t end = end_of_contraction(text, begin); end > begin) return end;
  const size_t inner = begin + (text[begin] == ' ' ? 1 : 0);
  const Class first = inner < text.size() ? look(text, inner).first : Class::space;
  return first == Class::space ? end_of_space(text, begin) : run_of(first, text, inner).end;
}

}  // namespace physgen
