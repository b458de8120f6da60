#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "physgen/core/choice.h"
#include "physgen/core/matrix.h"
#include "physgen/policy/controller.h"

namespace physgen {

/// What a client's message asks for.
struct Request {
  enum class Kind {
    hello,    ///< who are you?
    begin,    ///< an episode begins with the next observation
    observe,  ///< what now?
    end,      ///< an episode has ended
  };
  Kind kind = Kind::observe;
  int64_t sequence = 0;  ///< of vla-evaluation-harness's messages, repeated in the reply

  Observation observation = {};
  std::string instruction = {};         ///< empty: the client does not say
  bool reset = false;                   ///< an episode begins with this observation
  std::optional<uint64_t> seed = {};    ///< of the episode that begins
  std::optional<bool> success = {};     ///< of the episode that has ended, where the client says
  std::optional<Matrix> executed = {};  ///< rows since the last reply; none: as many as it held
};

/// Why an episode began.
enum class Beginning { first, reset, message, instruction, pause, failure };

constexpr auto choices_of(Beginning) {
  return std::to_array<Choice<Beginning>>({{Beginning::first, "first"},
                                           {Beginning::reset, "reset"},
                                           {Beginning::message, "message"},
                                           {Beginning::instruction, "instruction"},
                                           {Beginning::pause, "pause"},
                                           {Beginning::failure, "failure"}});
}

/// Where a reply stands, and what it took.
struct RoundNotes {
  int64_t episode = 0;                     ///< of the session, from 0
  int64_t round = 0;                       ///< of the episode, from 0
  Beginning beginning = Beginning::first;  ///< of the episode
  double queue_ms = 0;                     ///< until it was computed
  double infer_ms = 0;                     ///< the policy alone
  double previous_ms = 0;                  ///< of the last message, from its last byte to its reply; 0: the first
};

}  // namespace physgen
