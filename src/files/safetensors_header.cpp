#include "files/safetensors_header.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>
#include <tuple>
#include <unordered_set>
#include <utility>

#include "core/quote.h"
#include "physgen/core/choice.h"
#include "physgen/core/error.h"
#include "physgen/core/suggestion.h"

namespace physgen {
namespace {

using nlohmann::json;

constexpr size_t kMostDimensions = 64;
constexpr size_t kLongestName = 1024;  // bytes
constexpr size_t kLongestQuote = 200;  // bytes
constexpr std::string_view kMetadata = "__metadata__";

[[noreturn]] void refuse(const std::string& where, const std::string& got, const std::string& expected) {
  throw FormatError({.what = "a safetensors file is damaged or not one",
                     .where = where,
                     .got = got.size() > kLongestQuote ? got.substr(0, kLongestQuote) + "…" : got,
                     .expected = expected});
}

/// Follows the one shape that a header may have, and stops at the first token that leaves it: no tree is built, so what
/// an untrusted header costs in memory stays in proportion to its length.
class HeaderReader : public nlohmann::json_sax<json> {
 public:
  HeaderReader(SafetensorsHeader& header, const std::string& source) : header_(header), source_(source) {}

  bool null() override { return unexpected("null"); }
  bool boolean(bool value) override { return unexpected(value ? "true" : "false"); }
  bool number_integer(number_integer_t value) override { return unexpected(std::to_string(value)); }
  bool number_float(number_float_t, const string_t& text) override { return unexpected(text); }
  bool binary(binary_t&) override { return unexpected("binary data"); }

  bool number_unsigned(number_unsigned_t value) override {
    if (place_ != Place::shape && place_ != Place::offsets) return unexpected(std::to_string(value));
    if (value > static_cast<uint64_t>(INT64_MAX)) refuse(where(), std::to_string(value), "at most 2^63 - 1");
    if (numbers_.size() == kMostDimensions) refuse(where(), "more numbers", "at most 64");
    numbers_.push_back(static_cast<int64_t>(value));
    return true;
  }

  bool string(string_t& text) override {
    if (place_ == Place::metadata_value) {
      header_.metadata[key_] = text;
      place_ = Place::metadata;
      return true;
    }
    if (place_ != Place::dtype) return unexpected(quote(text));
    const std::optional<DataType> type = value_of<DataType>(text);
    if (!type) refuse(where(), quote(text), "one of " + comma_separated(texts_of<DataType>()));
    tensor().type = *type;
    place_ = Place::tensor;
    return true;
  }

  bool key(string_t& text) override {
    key_ = text;
    if (place_ == Place::header) {
      enter_name();
    } else if (place_ == Place::metadata) {
      if (header_.metadata.contains(text)) refuse(where(), quote(text) + " a second time", "each key once");
      place_ = Place::metadata_value;
    } else {
      enter_field();
    }
    return true;
  }

  bool start_object(size_t) override {
    if (place_ == Place::file) {
      place_ = Place::header;
    } else if (place_ == Place::entry) {
      place_ = key_ == kMetadata ? Place::metadata : Place::tensor;
    } else {
      return unexpected("an object");
    }
    return true;
  }

  bool end_object() override {
    if (place_ == Place::tensor && fields_.size() != 3) {
      refuse(where(), std::to_string(fields_.size()) + " fields", "dtype, shape and data_offsets");
    }
    place_ = place_ == Place::header ? Place::file : Place::header;
    return true;
  }

  bool start_array(size_t) override {
    if (place_ != Place::shape_start && place_ != Place::offsets_start) return unexpected("a list");
    place_ = place_ == Place::shape_start ? Place::shape : Place::offsets;
    numbers_.clear();
    return true;
  }

  bool end_array() override {
    if (place_ == Place::shape) {
      tensor().shape = numbers_;
    } else {
      if (numbers_.size() != 2) refuse(where(), std::to_string(numbers_.size()) + " data_offsets", "2");
      tensor().begin = static_cast<uint64_t>(numbers_[0]);
      tensor().end = static_cast<uint64_t>(numbers_[1]);
    }
    place_ = Place::tensor;
    return true;
  }

  bool parse_error(size_t position, const std::string&, const json::exception& error) override {
    refuse(source_, "invalid JSON at byte " + std::to_string(position) + " of the header: " + error.what(), "");
  }

 private:
  /// Where in the header the next token stands.
  enum class Place {
    file,
    header,
    entry,
    tensor,
    dtype,
    shape_start,
    shape,
    offsets_start,
    offsets,
    metadata,
    metadata_value
  };

  TensorPlace& tensor() { return header_.tensors.back(); }
  std::string where() const { return name_.empty() ? source_ : source_ + ": " + name_; }

  bool unexpected(const std::string& got) const {
    static constexpr const char* kExpected[] = {"one object",
                                                "a key",
                                                "an object",
                                                "a key",
                                                "the text of a dtype",
                                                "a list of dimensions",
                                                "a dimension of at least 0",
                                                "a list of two offsets",
                                                "an offset of at least 0",
                                                "a key",
                                                "a text"};
    refuse(where(), got, kExpected[static_cast<size_t>(place_)]);
  }

  void enter_name() {
    place_ = Place::entry;
    if (key_ != kMetadata && !is_tensor_name(key_))
      refuse(source_, "the tensor name " + quote(key_), "1 to 1024 bytes without control characters");
    if (!names_.insert(key_).second) refuse(source_, quote(key_) + " a second time", "each tensor once");
    name_ = key_;
    fields_.clear();
    if (key_ == kMetadata) return;
    header_.tensors.emplace_back();
    tensor().name = key_;
  }

  void enter_field() {
    if (!fields_.insert(key_).second) refuse(where(), quote(key_) + " a second time", "each key once");
    if (key_ == "dtype") {
      place_ = Place::dtype;
    } else if (key_ == "shape") {
      place_ = Place::shape_start;
    } else if (key_ == "data_offsets") {
      place_ = Place::offsets_start;
    } else {
      refuse(where(), quote(key_), "dtype, shape or data_offsets");
    }
  }

  SafetensorsHeader& header_;
  const std::string& source_;
  Place place_ = Place::file;
  std::string key_;
  std::string name_;
  std::unordered_set<std::string> names_;
  std::set<std::string> fields_;
  std::vector<int64_t> numbers_;
};

void check_places(const std::vector<TensorPlace>& tensors, uint64_t data_size, const std::string& source) {
  uint64_t covered = 0;
  for (const TensorPlace& tensor : tensors) {
    const std::string where = source + ": " + tensor.name;
    const std::string got = "data_offsets [" + std::to_string(tensor.begin) + ", " + std::to_string(tensor.end) + "]";
    if (tensor.begin > tensor.end || tensor.end > data_size) {
      refuse(where, got, "a range inside the " + std::to_string(data_size) + " bytes of data");
    }
    if (tensor.begin != covered)
      refuse(where, got, "a begin of " + std::to_string(covered) + ", no overlap and no hole");
    const uint64_t size = byte_size(tensor.type, tensor.shape, where);
    if (tensor.end - tensor.begin != size)
      refuse(where, got, std::to_string(size) + " bytes, as its dtype and shape ask");
    covered = tensor.end;
  }
  if (covered != data_size) {
    refuse(source, std::to_string(data_size) + " bytes of data", std::to_string(covered) + ", the sum of its tensors");
  }
}

}  // namespace

SafetensorsHeader parse_safetensors_header(std::string_view text, uint64_t data_size, const std::string& source) {
  if (!text.starts_with('{')) refuse(source, "a header that does not start with {", "one JSON object");
  // The JSON library takes a zero byte for the end of its input.
  if (text.find('\0') != text.npos) refuse(source, "a zero byte in the header", "one JSON object");
  SafetensorsHeader header;
  HeaderReader reader(header, source);
  json::sax_parse(text.begin(), text.end(), &reader);
  std::stable_sort(header.tensors.begin(), header.tensors.end(), [](const TensorPlace& a, const TensorPlace& b) {
    return std::tie(a.begin, a.end) < std::tie(b.begin, b.end);
  });
  check_places(header.tensors, data_size, source);
  return header;
}

uint64_t byte_size(DataType type, const std::vector<int64_t>& shape, const std::string& source) {
  int64_t size = static_cast<int64_t>(size_of(type));
  for (const int64_t dimension : shape) {
    if (dimension < 0 || __builtin_mul_overflow(size, dimension, &size)) {
      refuse(source, "a shape with the dimension " + std::to_string(dimension), "at most 2^63 - 1 bytes in all");
    }
  }
  return static_cast<uint64_t>(size);
}

bool is_tensor_name(std::string_view name) {
  const auto is_control = [](char c) { return (c >= 0 && c < ' ') || c == 127; };
  return !name.empty() && name.size() <= kLongestName && name != kMetadata &&
         std::none_of(name.begin(), name.end(), is_control);
}

}  // namespace physgen
