#include <charconv>

#include "net/connection.h"
#include "physgen/core/error.h"

namespace physgen {
namespace {

ConfigError refusal(const std::string& url) {
  return ConfigError({.what = "this is no address of a policy server",
                      .where = url,
                      .got = "",
                      .expected = "ws://HOST:PORT or wss://HOST:PORT",
                      .next_step = "physgen serve prints its own"});
}

bool is_port(const std::string& text) {
  uint16_t port = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), port);
  return failure == std::errc() && end == text.data() + text.size() && port > 0;
}

}  // namespace

WebAddress web_address_of(const std::string& url) {
  const size_t scheme = url.find("://");
  if (scheme == url.npos) throw refusal(url);
  const std::string name = url.substr(0, scheme);
  if (name != "ws" && name != "wss") throw refusal(url);
  const size_t begin = scheme + 3, slash = std::min(url.find('/', begin), url.size());
  std::string host = url.substr(begin, slash - begin);
  WebAddress address{.tls = name == "wss", .host = {}, .port = name == "wss" ? "443" : "80"};
  const size_t bracket = host.find(']'), colon = host.find(':', bracket == host.npos ? 0 : bracket);
  if (colon != host.npos) {
    address.port = host.substr(colon + 1);
    host.erase(colon);
  }
  address.host = host.starts_with('[') && host.ends_with(']') ? host.substr(1, host.size() - 2) : host;
  if (slash < url.size()) address.path = url.substr(slash);
  if (address.host.empty() || !is_port(address.port)) throw refusal(url);
  return address;
}

bool is_ip_address(const std::string& host) {
  boost::system::error_code error;
  asio::ip::make_address(host, error);
  return !error;
}

std::string host_in_url(const std::string& host) { return host.find(':') == host.npos ? host : "[" + host + "]"; }

}  // namespace physgen
