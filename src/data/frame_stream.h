#pragma once

#include <algorithm>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <exception>
#include <functional>
#include <iterator>
#include <memory>
#include <mutex>
#include <stop_token>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <physgen/core/error.h>
#include <physgen/data/demonstration_dataset.h>

#include "core/parallel.h"

namespace physgen {

/// Some frames of an episode, ascending.
struct EpisodeFrames {
  int64_t episode = 0;
  std::vector<int64_t> frames;
};

/// All frames of all episodes.
std::vector<EpisodeFrames> all_frames(const DemonstrationDataset& dataset);

/// Frames of several cameras, decoded on up to 16 cores ahead of their use, a bounded number of them; each camera's are
/// decoded in order. A frame becomes a Value on the thread that decoded it.
template <class Value>
class FrameStream {
 public:
  using Make = std::function<Value(Image)>;

  /// @param dataset  must outlive the stream
  /// @param cameras  by any names that the dataset takes
  /// @param make     called on several threads
  FrameStream(const DemonstrationDataset& dataset, const std::vector<std::string>& cameras,
              const std::vector<EpisodeFrames>& wanted, Make make);
  FrameStream(const FrameStream&) = delete;
  FrameStream& operator=(const FrameStream&) = delete;

  /// What the next frame became, a Value a camera: frame by frame, episode by episode. Throws Error behind the last,
  /// and what reading a frame threw.
  std::vector<Value> next();

 private:
  /// The frames of one camera in one episode.
  struct Track {
    int64_t episode;
    std::string camera;
    std::vector<int64_t> frames;
    std::unique_ptr<FrameReader> reader = nullptr;
    size_t made = 0, taken = 0;
    std::deque<Value> ready = {};
    std::exception_ptr failure = nullptr;
    bool busy = false;

    bool done() const { return failure || made == frames.size(); }
  };

  struct Batch {
    std::vector<Value> values = {};
    std::exception_ptr failure = nullptr;
  };

  static constexpr size_t kMostReady = 8;  // of a track
  static constexpr int64_t kMostThreads = 16;

  void work(const std::stop_token& stop);
  Track* next_to_fill();
  Batch make_some(Track& track);
  Value take(Track& track, std::unique_lock<std::mutex>& lock);

  const DemonstrationDataset& dataset_;
  Make make_;
  size_t cameras_;
  size_t threads_ = static_cast<size_t>(std::min(core_count(), kMostThreads));
  std::deque<Track> tracks_;  // by episode, then by camera; without those that were taken whole
  std::mutex mutex_;
  std::condition_variable_any changed_;
  std::vector<std::jthread> workers_;  // last: they end before all else
};

template <class Value>
FrameStream<Value>::FrameStream(const DemonstrationDataset& dataset, const std::vector<std::string>& cameras,
                                const std::vector<EpisodeFrames>& wanted, Make make)
    : dataset_(dataset), make_(std::move(make)), cameras_(cameras.size()) {
  for (const auto& [episode, frames] : wanted) {
    if (frames.empty()) continue;
    for (const std::string& camera : cameras) tracks_.push_back({episode, dataset.camera(camera), frames});
  }
  for (size_t i = 0; i < threads_; ++i) {
    workers_.emplace_back([this](const std::stop_token& stop) { work(stop); });
  }
}

template <class Value>
std::vector<Value> FrameStream<Value>::next() {
  std::unique_lock lock(mutex_);
  if (tracks_.empty()) throw Error({.what = "there are no more frames"});
  std::vector<Value> values;
  for (size_t i = 0; i < cameras_; ++i) values.push_back(take(tracks_[i], lock));
  if (tracks_[0].taken == tracks_[0].frames.size())
    tracks_.erase(tracks_.begin(), tracks_.begin() + static_cast<std::ptrdiff_t>(cameras_));
  changed_.notify_all();
  return values;
}

template <class Value>
Value FrameStream<Value>::take(Track& track, std::unique_lock<std::mutex>& lock) {
  changed_.wait(lock, [&] { return !track.ready.empty() || track.failure; });
  if (track.ready.empty()) std::rethrow_exception(track.failure);
  Value value = std::move(track.ready.front());
  track.ready.pop_front();
  ++track.taken;
  return value;
}

/// The first track that has room, among as many unfinished ones as there are threads or cameras; those that are
/// finished but not yet used count twice as many at most.
template <class Value>
FrameStream<Value>::Track* FrameStream<Value>::next_to_fill() {
  const size_t most = std::max(cameras_, threads_);
  size_t unfinished = 0;
  for (size_t i = 0; i < std::min(tracks_.size(), 2 * most) && unfinished < most; ++i) {
    Track& track = tracks_[i];
    if (track.done()) continue;
    ++unfinished;
    if (!track.busy && track.ready.size() < kMostReady) return &track;
  }
  return nullptr;
}

template <class Value>
void FrameStream<Value>::work(const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  Track* track = nullptr;
  while (changed_.wait(lock, stop, [&] { return (track = next_to_fill()) != nullptr; })) {
    track->busy = true;
    lock.unlock();
    Batch batch = make_some(*track);
    lock.lock();
    track->made += batch.values.size();
    track->failure = batch.failure;
    std::move(batch.values.begin(), batch.values.end(), std::back_inserter(track->ready));
    if (track->done()) track->reader.reset();
    track->busy = false;
    changed_.notify_all();
  }
}

/// The next values of a track that nobody else works on.
template <class Value>
FrameStream<Value>::Batch FrameStream<Value>::make_some(Track& track) {
  Batch batch;
  try {
    if (!track.reader) track.reader = dataset_.open_frames(track.episode, track.camera);
    const size_t end = std::min(track.made + kMostReady / 2, track.frames.size());
    for (size_t i = track.made; i < end; ++i) batch.values.push_back(make_(track.reader->read(track.frames[i])));
  } catch (...) {
    batch.failure = std::current_exception();
  }
  return batch;
}

}  // namespace physgen
