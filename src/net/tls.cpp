#include "tls.h"

#include <boost/asio/ssl/host_name_verification.hpp>

#include "physgen/core/error.h"

namespace physgen {

namespace ssl = boost::asio::ssl;

namespace {

std::unique_ptr<ssl::context> modern(ssl::context::method method) {
  auto context = std::make_unique<ssl::context>(method);
  SSL_CTX_set_min_proto_version(context->native_handle(), TLS1_2_VERSION);
  return context;
}

template <class Work>
void load(const std::string& what, const std::string& file, const Work& work) {
  boost::system::error_code error;
  work(error);
  if (!error) return;
  throw ConfigError({.what = what + " cannot be used",
                     .where = file,
                     .got = error.message(),
                     .expected = "a PEM file",
                     .next_step = "openssl x509 -in CERT -noout and openssl pkey -in KEY -noout say more"});
}

}  // namespace

std::unique_ptr<ssl::context> server_tls(const std::string& certificate, const std::string& key) {
  auto context = modern(ssl::context::tls_server);
  load("the certificate", certificate, [&](auto& error) { context->use_certificate_chain_file(certificate, error); });
  load("the private key", key, [&](auto& error) { context->use_private_key_file(key, ssl::context::pem, error); });
  return context;
}

std::unique_ptr<ssl::context> client_tls(const std::string& authorities, const std::string& host) {
  auto context = modern(ssl::context::tls_client);
  context->set_verify_mode(ssl::verify_peer);
  context->set_verify_callback(ssl::host_name_verification(host));
  if (authorities.empty()) {
    context->set_default_verify_paths();
  } else {
    load("the file of authorities", authorities, [&](auto& error) { context->load_verify_file(authorities, error); });
  }
  return context;
}

}  // namespace physgen
