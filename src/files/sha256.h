#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>

struct evp_md_ctx_st;  // OpenSSL's EVP_MD_CTX

namespace physgen {

/// The SHA-256 of bytes that come piece by piece. Throws Error where OpenSSL cannot compute it.
class Sha256 {
 public:
  Sha256();
  void add(std::span<const std::byte> bytes);
  /// 64 digits. Once.
  std::string hexadecimal();

 private:
  std::unique_ptr<evp_md_ctx_st, void (*)(evp_md_ctx_st*)> context_;
};

/// Of a whole text.
std::string sha256_of_text(const std::string& text);

}  // namespace physgen
