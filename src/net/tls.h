#pragma once

#include <memory>
#include <string>

#include <boost/asio/ssl/context.hpp>

namespace physgen {

/// Of a server, TLS 1.2 or newer. Throws ConfigError where the files cannot be read or do not belong together.
std::unique_ptr<boost::asio::ssl::context> server_tls(const std::string& certificate, const std::string& key);

/// Of a client, which believes the system's authorities, or those of a file, for certificates of this host.
/// Throws ConfigError where the file cannot be read.
std::unique_ptr<boost::asio::ssl::context> client_tls(const std::string& authorities, const std::string& host);

}  // namespace physgen
