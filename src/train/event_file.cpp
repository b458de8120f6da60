#include "train/event_file.h"

#include <unistd.h>

#include <boost/crc.hpp>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <iomanip>
#include <sstream>

#include <physgen/core/error.h>

namespace physgen {
namespace {

// Fields of Event, of its Summary and SessionLog, and of a Summary's Value.
enum Field : uint8_t {
  kWallTime = 1,
  kStep = 2,
  kFileVersion = 3,
  kSummary = 5,
  kSessionLog = 7,
  kSummaryValue = 1,
  kTag = 1,
  kSimpleValue = 2,
  kStatus = 1
};
constexpr uint64_t kSessionStart = 1;

// How a Protocol Buffers field is laid out.
enum WireType : uint8_t { kVarint = 0, kDouble = 1, kBytes = 2, kFloat = 5 };

void add_varint(std::string& message, uint64_t value) {
  for (; value >= 0x80; value >>= 7) message += static_cast<char>(value | 0x80);
  message += static_cast<char>(value);
}

void add_key(std::string& message, Field field, WireType type) { add_varint(message, field << 3 | type); }

// Little-endian, as the machine's own.
template <class Number>
void add_number(std::string& message, Number value) {
  message.append(reinterpret_cast<const char*>(&value), sizeof value);
}

void add_bytes(std::string& message, Field field, const std::string& bytes) {
  add_key(message, field, kBytes);
  add_varint(message, bytes.size());
  message += bytes;
}

std::string event_at(int64_t step) {
  const std::chrono::duration<double> now = std::chrono::system_clock::now().time_since_epoch();
  std::string event;
  add_key(event, kWallTime, kDouble);
  add_number(event, now.count());
  add_key(event, kStep, kVarint);
  add_varint(event, static_cast<uint64_t>(step));
  return event;
}

std::string scalar(const NamedNumber& number) {
  std::string value;
  add_bytes(value, kTag, number.name);
  add_key(value, kSimpleValue, kFloat);
  add_number(value, static_cast<float>(number.value));
  return value;
}

// A CRC-32C, turned and shifted so that a checksum of data which holds checksums stays a good one.
uint32_t masked_checksum(const std::string& bytes) {
  boost::crc_optimal<32, 0x1EDC6F41, 0xFFFFFFFF, 0xFFFFFFFF, true, true> crc;
  crc.process_bytes(bytes.data(), bytes.size());
  const uint32_t sum = crc.checksum();
  return (sum >> 15 | sum << 17) + 0xa282ead8;
}

// Names in the order of time: a later file goes on where an earlier one ended.
std::string name_of_now() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  const int64_t microseconds = std::chrono::duration_cast<std::chrono::microseconds>(now).count();
  std::ostringstream name;
  name << "events.out.tfevents." << microseconds / 1'000'000 << '.' << std::setw(6) << std::setfill('0')
       << microseconds % 1'000'000 << '.' << ::getpid();
  return name.str();
}

}  // namespace

EventFile::EventFile(const std::filesystem::path& folder, int64_t last_step)
    : path_(folder / name_of_now()), file_(path_, std::ios::binary | std::ios::app) {
  std::string version = event_at(0), session = event_at(last_step + 1), start;
  add_bytes(version, kFileVersion, "brain.Event:2");
  write_record(version);
  add_key(start, kStatus, kVarint);
  add_varint(start, kSessionStart);
  add_bytes(session, kSessionLog, start);
  write_record(session);
}

void EventFile::write(int64_t step, const std::vector<NamedNumber>& scalars) {
  std::string summary, event = event_at(step);
  for (const NamedNumber& number : scalars) add_bytes(summary, kSummaryValue, scalar(number));
  add_bytes(event, kSummary, summary);
  write_record(event);
}

void EventFile::write_record(const std::string& event) {
  std::string length, record;
  add_number(length, static_cast<uint64_t>(event.size()));
  record += length;
  add_number(record, masked_checksum(length));
  record += event;
  add_number(record, masked_checksum(event));
  file_ << record << std::flush;
  if (file_) return;
  throw Error({.what = "TensorBoard's events cannot be written", .where = path_.string(), .got = std::strerror(errno)});
}

}  // namespace physgen
