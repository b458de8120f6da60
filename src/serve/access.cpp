#include "access.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/sha.h>

#include <array>
#include <boost/asio/ip/address.hpp>

#include "physgen/core/error.h"

namespace physgen {
namespace {

bool is_loopback(const std::string& host) {
  boost::system::error_code error;
  const auto address = asio::ip::make_address(host, error);
  return host == "localhost" || (!error && address.is_loopback());
}

std::string after(const std::string& text, std::string_view begin) {
  return text.starts_with(begin) ? text.substr(begin.size()) : std::string();
}

/// "user:TOKEN" in base64.
std::string password_of(const std::string& encoded) {
  if (encoded.empty() || encoded.size() % 4 != 0 || encoded.size() > 8192) return {};
  std::string decoded(encoded.size() / 4 * 3, '\0');
  const int length =
      EVP_DecodeBlock(reinterpret_cast<unsigned char*>(decoded.data()),
                      reinterpret_cast<const unsigned char*>(encoded.data()), static_cast<int>(encoded.size()));
  if (length < 0) return {};
  decoded.resize(decoded.find_last_not_of('\0') + 1);
  const size_t colon = decoded.find(':');
  return colon == decoded.npos ? std::string() : decoded.substr(colon + 1);
}

std::string token_of(const std::string& authorization) {
  for (const char* scheme : {"Api-Key ", "Bearer "}) {
    if (const std::string token = after(authorization, scheme); !token.empty()) return token;
  }
  return password_of(after(authorization, "Basic "));
}

/// Tokens of any lengths take the same time: their hashes are compared.
bool same(const std::string& one, const std::string& other) {
  std::array<unsigned char, SHA256_DIGEST_LENGTH> left{}, right{};
  SHA256(reinterpret_cast<const unsigned char*>(one.data()), one.size(), left.data());
  SHA256(reinterpret_cast<const unsigned char*>(other.data()), other.size(), right.data());
  return CRYPTO_memcmp(left.data(), right.data(), left.size()) == 0;
}

/// Without the port, and without an IPv6 address's brackets.
std::string name_of_host(const std::string& host) {
  if (host.starts_with('[')) return host.substr(1, host.find(']') - 1);
  return host.substr(0, host.find(':'));
}

}  // namespace

Access::Access(const ServerOptions& options) : host_(options.host), token_(options.token), insecure_(options.insecure) {
  if (is_loopback(host_) || !token_.empty() || options.insecure) return;
  throw ConfigError({.what = "whoever reaches this address could move the robot",
                     .where = "--host " + host_,
                     .got = "no token",
                     .expected = "--token-file FILE, or --insecure in a network that you trust",
                     .next_step = "openssl rand -hex 32 > FILE makes a token"});
}

bool Access::knows(const HttpRequest& request) const {
  return token_.empty() || same(token_of(request.authorization), token_);
}

bool Access::comes_from_here(const HttpRequest& request) const {
  const size_t scheme = request.origin.find("://");
  const bool own =
      request.origin.empty() || (scheme != request.origin.npos && request.origin.substr(scheme + 3) == request.host);
  if (!own || !token_.empty()) return own;
  const std::string name = name_of_host(request.host);
  const bool program = request.origin.empty() && request.upgrades;  // a browser says where its websockets come from
  return is_ip_address(name) || name == "localhost" || name == host_ || program || insecure_;
}

}  // namespace physgen
