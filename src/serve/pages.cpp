#include "pages.h"

#include <algorithm>
#include <charconv>

#include "media/resize.h"
#include "physgen/core/version.h"

namespace physgen {
namespace {

const char* const kHtml = "text/html; charset=utf-8";

HttpResponse text(unsigned status, const std::string& body) { return {.status = status, .body = body}; }

nlohmann::json status_of(const SessionBoard& board, const ServedPolicy& served) {
  const PolicyDescription& policy = served.description;
  return {{"server", version_text()},    {"checkpoint_sha256", policy.checkpoint_sha256},
          {"cameras", policy.cameras},   {"execute", policy.execute},
          {"imagines", served.imagines}, {"sessions", board.status()}};
}

/// As large as the page shows it, or smaller.
Image small(const Image& picture) {
  constexpr int64_t kHeight = 320;
  if (picture.height <= kHeight) return picture;
  return resize(picture, kHeight, std::max<int64_t>(1, picture.width * kHeight / picture.height));
}

HttpResponse picture_page(const SessionEntry& entry, const std::string& name) {
  const std::optional<Image> picture = entry.picture(name);
  if (!picture) return text(404, "there is no such picture\n");
  const std::vector<uint8_t> png = encode_png(small(*picture), name);
  return {.status = 200, .type = "image/png", .body = {png.begin(), png.end()}};
}

/// "/sessions/NUMBER/..."
HttpResponse session_page(const HttpRequest& request, const SessionBoard& board) {
  constexpr size_t kBegin = std::string_view("/sessions/").size();
  int64_t number = -1;
  const char* const end = request.target.data() + request.target.size();
  const auto [rest, failure] = std::from_chars(request.target.data() + kBegin, end, number);
  const auto entry = failure == std::errc() ? board.find(number) : nullptr;
  if (!entry) return text(404, "there is no such session\n");
  std::string what(rest, end);
  what = what.substr(0, what.find('?'));
  if (what == "/imagine" && request.method == "POST") {
    entry->ask_to_imagine();
    return text(200, "the next rounds are imagined\n");
  }
  return what.starts_with('/') ? picture_page(*entry, what.substr(1)) : text(404, "there is no such page\n");
}

}  // namespace

std::optional<HttpResponse> health_page(const HttpRequest& request, bool draining) {
  if (request.upgrades) return std::nullopt;
  if (request.target == "/healthz" || request.target == "/health") return text(200, "OK\n");
  if (request.target != "/readyz") return std::nullopt;
  return draining ? text(503, "draining\n") : text(200, "ready\n");
}

HttpResponse page_of(const HttpRequest& request, const SessionBoard& board, const ServedPolicy& policy,
                     const std::function<std::string()>& metrics) {
  if (request.target.starts_with("/sessions/")) return session_page(request, board);
  if (request.method != "GET" && request.method != "HEAD") return text(405, "GET alone\n");
  if (request.target == "/") return {.status = 200, .type = kHtml, .body = kStatusPage};
  if (request.target == "/metrics") {
    return {.status = 200, .type = "text/plain; version=0.0.4; charset=utf-8", .body = metrics()};
  }
  if (request.target == "/status.json") {
    return {.status = 200,
            .type = "application/json",
            .body = status_of(board, policy).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace)};
  }
  return text(404, "there is no such page\n");
}

}  // namespace physgen
