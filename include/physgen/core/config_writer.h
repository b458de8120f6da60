#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <physgen/core/config_reader.h>

namespace physgen {

/// Writes a struct as JSON through the same list of fields.
class ConfigWriter {
 public:
  ConfigWriter();  ///< null, until something is written
  ConfigWriter(ConfigWriter&& other) noexcept;
  ~ConfigWriter();

  template <class T>
  void operator()(const char* key, T& value, Range = {}) {
    ConfigWriter child;
    child.write(value);
    add(key, std::move(child));
  }

  void renamed(const char*, const char*) {}

  void write(bool value);
  void write(int64_t value);
  void write(double value);
  void write(const std::string& value);

  template <Choosable T>
  void write(T value) {
    write(std::string(text_of(value)));
  }

  template <Described T>
  void write(T& value) {
    begin_object();
    describe(value, *this);
  }

  template <class T>
  void write(std::optional<T>& value) {
    if (value) write(*value);
  }

  template <class T>
  void write(std::vector<T>& values) {
    write_list(values);
  }

  template <class T, size_t N>
  void write(std::array<T, N>& values) {
    write_list(values);
  }

  template <class T>
  void write(std::pair<T, T>& value) {
    std::array<T, 2> both = {value.first, value.second};
    write_list(both);
  }

  /// The value so far, an object's keys in the order of the list, as text indented by two spaces.
  std::string text() const;

 private:
  template <class List>
  void write_list(List& values) {
    begin_list();
    for (auto& value : values) {
      ConfigWriter child;
      child.write(value);
      append(std::move(child));
    }
  }

  void begin_object();
  void begin_list();
  void add(const char* key, ConfigWriter child);
  void append(ConfigWriter child);

  struct Value;  // an ordered JSON value
  std::unique_ptr<Value> value_;
};

/// The config as JSON text, keys in the order of the list.
template <Described Config>
std::string write_config(Config config) {
  ConfigWriter writer;
  writer.write(config);
  return writer.text();
}

}  // namespace physgen
