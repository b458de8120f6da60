#pragma once

#include <functional>
#include <optional>
#include <string>

#include "net/connection.h"
#include "physgen/serve/policy_server.h"
#include "serve/session_board.h"

namespace physgen {

/// For load balancers and clients that wait for a server, which bring no key: /healthz and /health as long as it runs,
/// /readyz as long as it takes sessions. Nothing for other requests.
std::optional<HttpResponse> health_page(const HttpRequest& request, bool draining);

/// The status page, what it asks for, and Prometheus' metrics.
HttpResponse page_of(const HttpRequest& request, const SessionBoard& board, const ServedPolicy& policy,
                     const std::function<std::string()>& metrics);

/// The status page itself.
extern const char* const kStatusPage;

}  // namespace physgen
