#include "physgen/core/config_writer.h"

#include <nlohmann/json.hpp>
#include <utility>

namespace physgen {

struct ConfigWriter::Value {
  nlohmann::ordered_json json;
};

ConfigWriter::ConfigWriter() : value_(std::make_unique<Value>()) {}
ConfigWriter::ConfigWriter(ConfigWriter&& other) noexcept = default;
ConfigWriter::~ConfigWriter() = default;

void ConfigWriter::write(bool value) { value_->json = value; }
void ConfigWriter::write(int64_t value) { value_->json = value; }
void ConfigWriter::write(double value) { value_->json = value; }
void ConfigWriter::write(const std::string& value) { value_->json = value; }

std::string ConfigWriter::text() const { return value_->json.dump(2); }

void ConfigWriter::begin_object() { value_->json = nlohmann::ordered_json::object(); }
void ConfigWriter::begin_list() { value_->json = nlohmann::ordered_json::array(); }

void ConfigWriter::add(const char* key, ConfigWriter child) { value_->json[key] = std::move(child.value_->json); }
void ConfigWriter::append(ConfigWriter child) { value_->json.push_back(std::move(child.value_->json)); }

}  // namespace physgen
