#pragma once

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <cstdio>
#include <memory>
#include <stdexcept>
#include <string>

namespace physgen {

/// Writes a key and a certificate that it has signed itself, for localhost and 127.0.0.1, good for a day.
inline void write_certificate(const std::string& certificate, const std::string& key) {
  const std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> pair(EVP_RSA_gen(2048), EVP_PKEY_free);
  const std::unique_ptr<X509, decltype(&X509_free)> x509(X509_new(), X509_free);
  X509_set_version(x509.get(), X509_VERSION_3);
  ASN1_INTEGER_set(X509_get_serialNumber(x509.get()), 1);
  X509_gmtime_adj(X509_getm_notBefore(x509.get()), -60);
  X509_gmtime_adj(X509_getm_notAfter(x509.get()), 24 * 3600L);
  X509_set_pubkey(x509.get(), pair.get());
  X509_NAME* name = X509_get_subject_name(x509.get());
  X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, reinterpret_cast<const unsigned char*>("localhost"), -1, -1, 0);
  X509_set_issuer_name(x509.get(), name);
  const std::unique_ptr<X509_EXTENSION, decltype(&X509_EXTENSION_free)> names(
      X509V3_EXT_conf_nid(nullptr, nullptr, NID_subject_alt_name, "DNS:localhost,IP:127.0.0.1"), X509_EXTENSION_free);
  X509_add_ext(x509.get(), names.get(), -1);
  const std::unique_ptr<FILE, decltype(&std::fclose)> to(std::fopen(certificate.c_str(), "w"), std::fclose);
  const std::unique_ptr<FILE, decltype(&std::fclose)> key_to(std::fopen(key.c_str(), "w"), std::fclose);
  const bool written = X509_sign(x509.get(), pair.get(), EVP_sha256()) && to && key_to &&
                       PEM_write_X509(to.get(), x509.get()) &&
                       PEM_write_PrivateKey(key_to.get(), pair.get(), nullptr, nullptr, 0, nullptr, nullptr);
  if (!written) throw std::runtime_error("no certificate was written");
}

}  // namespace physgen
