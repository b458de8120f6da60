#include "files/pickle_stack.h"

#include <algorithm>

#include "files/pickle_error.h"

namespace physgen {

void PickleStack::push(const PickleValue& value) {
  if (values_.size() == kMostStacked) refuse_more("values on the stack", kMostStacked);
  values_.push_back(value);
}

PickleValue PickleStack::pop() {
  const PickleValue value = top();
  values_.pop_back();
  return value;
}

std::span<const PickleValue> PickleStack::last(size_t count) const {
  if (count <= available()) return std::span(values_).last(count);
  refuse_pickle(source_, "a stack of " + std::to_string(available()) + " values",
                "the " + std::to_string(count) + " values that an opcode takes");
}

void PickleStack::drop(size_t count) { values_.resize(values_.size() - last(count).size()); }

PickleValue PickleStack::only() const {
  if (values_.size() == 1 && marks_.empty()) return values_[0];
  refuse_pickle(source_, std::to_string(values_.size()) + " values on the stack at its end", "the state dict");
}

void PickleStack::open_mark() {
  if (marks_.size() == kMostMarks) refuse_more("open marks", kMostMarks);
  marks_.push_back(values_.size());
}

size_t PickleStack::close_mark() {
  if (marks_.empty()) refuse_pickle(source_, "an opcode without its mark", "a mark");
  const size_t count = available();
  marks_.pop_back();
  return count;
}

void PickleStack::remember(uint32_t place) {
  if (place != memo_.size()) {
    refuse_pickle(source_, "a value remembered at place " + std::to_string(place),
                  "place " + std::to_string(memo_.size()));
  }
  if (memo_.size() == kMostRemembered) refuse_more("remembered values", kMostRemembered);
  memo_.push_back(top());
}

void PickleStack::recall(uint32_t place) {
  if (place < memo_.size()) return push(memo_[place]);
  refuse_pickle(source_, "the remembered value " + std::to_string(place),
                "one of the first " + std::to_string(memo_.size()));
}

void PickleStack::push_tuple(size_t count) {
  const std::span<const PickleValue> items = last(count);
  count_kept(count);
  PickleValue tuple = {.kind = PickleKind::tuple, .depth = 1, .count = static_cast<uint32_t>(count)};
  tuple.number = static_cast<int64_t>(tuple_items_.size());
  for (const PickleValue& item : items) tuple.depth = std::max<uint8_t>(tuple.depth, item.depth + 1);
  if (tuple.depth > kDeepestTuple) refuse_more("levels of tuples", kDeepestTuple);
  tuple_items_.insert(tuple_items_.end(), items.begin(), items.end());
  drop(count);
  push(tuple);
}

std::span<const PickleValue> PickleStack::items_of(const PickleValue& tuple) const {
  return std::span(tuple_items_).subspan(static_cast<size_t>(tuple.number), tuple.count);
}

void PickleStack::count_kept(size_t count) {
  kept_ += count;
  if (kept_ > kMostKept) refuse_more("values in tuples and dicts", kMostKept);
}

void PickleStack::refuse_more(const char* what, size_t most) const {
  refuse_pickle(source_, std::string("more ") + what, "at most " + std::to_string(most));
}

}  // namespace physgen
