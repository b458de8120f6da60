#include "bench/operation_count.h"

#include <ATen/record_function.h>
#include <c10/util/ThreadLocalDebugInfo.h>

#include <atomic>
#include <string_view>

namespace physgen {
namespace {

/// Hangs on the thread, and on those that a backward pass of it runs on.
struct Counted final : c10::DebugInfoBase {
  std::atomic<int64_t> operations = 0;
};

constexpr auto kKind = c10::DebugInfoKind::PRODUCER_INFO;

struct Begun final : at::ObserverContext {};

thread_local bool within = false;  // an operation that is counted: what it calls is not

/// `to` and `reshape` among them, whose copies are operators of their own.
bool is_view(const c10::FunctionSchema& schema) {
  if (schema.returns().empty()) return false;
  const c10::AliasInfo* alias = schema.returns().front().alias_info();
  return alias && !alias->isWrite();
}

bool computes(const at::RecordFunction& function) {
  const std::string_view name = function.name();
  if (name.starts_with("physgen::")) return true;
  const auto schema = function.operator_schema();
  const bool idle =
      name.starts_with("aten::empty") || name.starts_with("aten::new_empty") || name == "aten::_unsafe_view";
  return schema && !idle && !is_view(*schema);
}

std::unique_ptr<at::ObserverContext> begin(const at::RecordFunction& function) {
  auto* counted = static_cast<Counted*>(c10::ThreadLocalDebugInfo::get(kKind));
  if (!counted || within || !computes(function)) return nullptr;
  within = true;
  ++counted->operations;
  return std::make_unique<Begun>();
}

void end(const at::RecordFunction&, at::ObserverContext* begun) {
  if (begun) within = false;
}

}  // namespace

struct OperationCount::State {
  std::shared_ptr<Counted> counted = std::make_shared<Counted>();
  c10::DebugInfoGuard guard{kKind, counted};
  at::CallbackHandle handle =
      at::addThreadLocalCallback(at::RecordFunctionCallback(&begin, &end).scopes({at::RecordScope::FUNCTION}));
};

OperationCount::OperationCount() : state_(std::make_unique<State>()) {}
OperationCount::~OperationCount() { at::removeCallback(state_->handle); }

int64_t OperationCount::take() { return state_->counted->operations.exchange(0); }

}  // namespace physgen
