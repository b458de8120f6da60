#include "message_writer.h"

#include <string_view>

namespace physgen {

void MessageWriter::begin_field(const char* key) {
  ++count_;
  msgpack::pack(fields_, key);
}

void MessageWriter::append(const MessageWriter& map) {
  const std::string bytes = map.bytes();
  fields_.write(bytes.data(), bytes.size());
}

MessageWriter& MessageWriter::add_map(const char* key, const MessageWriter& map) {
  begin_field(key);
  append(map);
  return *this;
}

MessageWriter& MessageWriter::add_maps(const char* key, const std::vector<MessageWriter>& maps) {
  begin_field(key);
  msgpack::packer<msgpack::sbuffer>(fields_).pack_array(static_cast<uint32_t>(maps.size()));
  for (const MessageWriter& map : maps) append(map);
  return *this;
}

void MessageWriter::add_array(const char* key, const char* dtype, const std::vector<int64_t>& shape, const void* data,
                              size_t bytes) {
  begin_field(key);
  msgpack::packer<msgpack::sbuffer> packer(fields_);
  const auto pack_binary = [&packer](std::string_view value) {
    packer.pack_bin(static_cast<uint32_t>(value.size()));
    packer.pack_bin_body(value.data(), static_cast<uint32_t>(value.size()));
  };
  const auto pack_name = [&](std::string_view name) {
    if (array_keys_ == ArrayKeys::binary) {
      pack_binary(name);
    } else {
      packer.pack(name);
    }
  };
  packer.pack_map(4);
  pack_name("__ndarray__");
  packer.pack_true();
  pack_name("data");
  pack_binary({static_cast<const char*>(data), bytes});
  pack_name("dtype");
  packer.pack(dtype);
  pack_name("shape");
  packer.pack(shape);
}

MessageWriter& MessageWriter::add_matrix(const char* key, const Matrix& value) {
  add_array(key, "<f4", {value.rows(), value.cols()}, value.data(), static_cast<size_t>(value.size()) * sizeof(float));
  return *this;
}

MessageWriter& MessageWriter::add_numbers(const char* key, const std::vector<float>& values) {
  add_array(key, "<f4", {std::ssize(values)}, values.data(), values.size() * sizeof(float));
  return *this;
}

MessageWriter& MessageWriter::add_image(const char* key, const Image& image) {
  add_array(key, "|u1", {image.height, image.width, 3}, image.pixels.data(), image.pixels.size());
  return *this;
}

std::string MessageWriter::bytes() const {
  msgpack::sbuffer header;
  msgpack::packer<msgpack::sbuffer>(header).pack_map(count_);
  std::string bytes(header.data(), header.size());
  return bytes.append(fields_.data(), fields_.size());
}

}  // namespace physgen
