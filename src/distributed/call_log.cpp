#ifdef USE_C10D_GLOO

#include "distributed/call_log.h"

#include <algorithm>
#include <map>
#include <thread>

#include "core/first_few.h"
#include "distributed/store_text.h"

namespace physgen {
namespace {

constexpr auto kToNotice = std::chrono::seconds(2);
constexpr auto kStoreTimeout = std::chrono::milliseconds(1000);  // to ask what has to be there already
constexpr size_t kMostNamed = 8;
const std::string kLeft = "ended after ";
const std::string kLeftKey = "left";

std::string call_key(int rank) { return "calls/" + std::to_string(rank); }
std::string lost_key(int rank) { return "lost/" + std::to_string(rank); }

}  // namespace

void CallLog::enter(const std::string& kind) {
  place_ = "call " + std::to_string(++number_) + " (" + kind + ")";
  store_->set(call_key(rank_), bytes_of(place_));
}

void CallLog::leave() {
  store_->set(call_key(rank_), bytes_of(kLeft + place_));
  store_->set(kLeftKey, bytes_of("yes"));
}

bool CallLog::is_incomplete() const { return store_->check({kLeftKey}); }

std::string CallLog::read(int rank) const {
  return store_->check({call_key(rank)}) ? text_of(store_->get(call_key(rank))) : "not there yet";
}

std::string CallLog::differences() const {
  std::map<std::string, std::vector<std::string>> ranks_at;
  for (int rank = 0; rank < size_; ++rank) ranks_at[read(rank)].push_back(std::to_string(rank));
  if (ranks_at.size() == 1) return "";
  std::vector<std::pair<std::string, std::vector<std::string>>> groups(ranks_at.begin(), ranks_at.end());
  std::stable_sort(groups.begin(), groups.end(),
                   [](const auto& a, const auto& b) { return a.second.size() < b.second.size(); });
  std::string text;
  for (const auto& [place, ranks] : groups) {
    text += (text.empty() ? "rank " : "; rank ") + first_few(ranks, kMostNamed) + ": " + place;
  }
  return text;
}

std::string CallLog::silent() {
  store_->set(lost_key(rank_), bytes_of("here"));
  std::this_thread::sleep_for(kToNotice);
  std::vector<std::string> names;
  for (int rank = 0; rank < size_; ++rank) {
    if (!store_->check({lost_key(rank)})) names.push_back(std::to_string(rank));
  }
  return names.empty() ? "" : "missing: rank " + first_few(names, kMostNamed);
}

std::string CallLog::whereabouts() {
  store_->setTimeout(kStoreTimeout);
  const std::string found = differences();
  return found.empty() ? silent() : found;
}

}  // namespace physgen

#endif
