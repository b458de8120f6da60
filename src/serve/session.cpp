#include "session.h"

#include <spdlog/spdlog.h>

#include <utility>

namespace physgen {

Session::Session(ServedPolicy policy, std::shared_ptr<const ObservationKeys> keys, const Options& options, Watch watch)
    : policy_(std::move(policy)), keys_(std::move(keys)), options_(options), watch_(std::move(watch)) {}

WebMessage Session::greet() {
  greeted_ = true;
  return greeting(policy_.description);
}

void Session::begin(const Message& first) {
  auto dialect = dialect_of(first);
  ServedEpisode episode(
      policy_,
      {.idle_seconds = options_.idle_seconds, .seed = options_.seed, .asks_each_step = dialect->asks_each_step()});
  talk_ = std::make_unique<Talk>(Talk{std::move(dialect), std::move(episode)});
}

Session::Answer Session::refuse(const ClientProblem& problem, int64_t sequence) {
  watch_({.problem = &problem});
  return {.message = (talk_ ? *talk_->dialect : *openpi_dialect()).refusal(problem, sequence),
          .closes = problem.closes};
}

Session::Answer Session::act(const std::shared_ptr<const Request>& request, const Arrival& arrival) {
  RoundNotes notes{.queue_ms = arrival.queue_ms, .previous_ms = arrival.previous_ms};
  const Matrix actions = talk_->episode.act(*request, arrival.seconds, notes);
  auto afterwards = watch_({.request = request, .actions = &actions, .notes = &notes, .episode = &talk_->episode});
  return {.message = talk_->dialect->reply(actions, notes, request->sequence), .afterwards = std::move(afterwards)};
}

Session::Answer Session::answer(const std::shared_ptr<const Request>& request, const Arrival& arrival) {
  switch (request->kind) {
    case Request::Kind::hello:
      if (std::exchange(greeted_, false)) return {};  // the greeting was the answer
      return {.message = talk_->dialect->welcome(policy_.description, request->sequence)};
    case Request::Kind::end:
      watch_({.request = request});
      [[fallthrough]];
    case Request::Kind::begin:
      talk_->episode.begin(Beginning::message);
      return {};
    case Request::Kind::observe:
      return act(request, arrival);
  }
  return {};
}

Session::Answer Session::receive(WebMessage message, const Arrival& arrival) {
  int64_t sequence = 0;
  try {
    if (message.text) {
      throw ClientError({.code = "bad_message", .sentence = "the message is text, expected binary MessagePack"});
    }
    const Message parsed(std::move(message.bytes));
    if (!talk_) begin(parsed);
    sequence = talk_->dialect->asks_each_step() ? parsed.integer("seq", 0, INT64_MAX) : 0;
    return answer(std::make_shared<const Request>(talk_->dialect->read(parsed, *keys_)), arrival);
  } catch (const ClientError& error) {
    return refuse(error.client_problem(), sequence);
  } catch (const FormatError& error) {
    return refuse(client_problem(error), sequence);
  } catch (const std::exception& error) {
    spdlog::error("a message could not be answered: {}", error.what());
    return refuse({.code = "internal", .sentence = "the server failed; its log says more"}, sequence);
  }
}

}  // namespace physgen
