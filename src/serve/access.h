#pragma once

#include <string>

#include "net/connection.h"
#include "physgen/serve/policy_server.h"

namespace physgen {

/// Who may ask for what.
class Access {
 public:
  /// Throws ConfigError for an address beyond loopback without a token, which `insecure` allows.
  explicit Access(const ServerOptions& options);

  /// By `Authorization: Api-Key TOKEN` as openpi's clients bring it, `Bearer TOKEN`, or `Basic` with the token as the
  /// password, as browsers do. Compared in constant time.
  bool knows(const HttpRequest& request) const;
  /// Whether a browser's page that asks is the server's own: no other page may. Without a token a browser must
  /// know the server by its address or its own name, since a page may give any other name to this machine's address; in
  /// a network that is trusted (`insecure`) any name will do.
  bool comes_from_here(const HttpRequest& request) const;

 private:
  std::string host_, token_;
  bool insecure_;
};

}  // namespace physgen
