#pragma once

#include "physgen/wire/policy_description.h"
#include "wire/message.h"
#include "wire/message_writer.h"

namespace physgen {

/// As keys of a server's first message.
void add_description(MessageWriter& metadata, const PolicyDescription& policy);

/// Throws FormatError where a key is missing or beyond what a policy can be.
PolicyDescription description_of(const Message& metadata);

}  // namespace physgen
