#include "files/sha256.h"

#include <openssl/evp.h>

#include "physgen/core/error.h"

namespace physgen {
namespace {

void require(bool done) {
  if (!done) throw Error({.what = "OpenSSL cannot compute SHA-256"});
}

}  // namespace

Sha256::Sha256() : context_(EVP_MD_CTX_new(), EVP_MD_CTX_free) {
  require(context_ && EVP_DigestInit_ex(context_.get(), EVP_sha256(), nullptr) == 1);
}

void Sha256::add(std::span<const std::byte> bytes) {
  require(EVP_DigestUpdate(context_.get(), bytes.data(), bytes.size()) == 1);
}

std::string Sha256::hexadecimal() {
  unsigned char digest[32];
  require(EVP_DigestFinal_ex(context_.get(), digest, nullptr) == 1);
  std::string text;
  for (const unsigned char byte : digest) {
    text += "0123456789abcdef"[byte >> 4];
    text += "0123456789abcdef"[byte & 15];
  }
  return text;
}

std::string sha256_of_text(const std::string& text) {
  Sha256 hash;
  hash.add(std::as_bytes(std::span(text)));
  return hash.hexadecimal();
}

}  // namespace physgen
