#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "files/torch_archive.h"

namespace physgen {

inline std::string text_of(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

template <class Number>
std::string bytes_of(const std::vector<Number>& numbers) {
  return {reinterpret_cast<const char*>(numbers.data()), numbers.size() * sizeof(Number)};
}

inline void expect_entry(const TorchArchive& archive, const std::string& name, DataType type,
                         const std::vector<int64_t>& shape, const std::string& data) {
  const TensorEntry* entry = archive.find(name);
  ASSERT_NE(entry, nullptr) << name;
  EXPECT_EQ(entry->type, type) << name;
  EXPECT_EQ(entry->shape, shape) << name;
  EXPECT_EQ(text_of(entry->data), data) << name;
}

}  // namespace physgen
