#include "formats/hdf5_driver.h"

#if __has_include(<H5FDdevelop.h>)
#include <H5FDdevelop.h>  // HDF5 1.13 moved the interface of drivers here
#endif
#include <limits>

#include <physgen/core/error.h>

#include "formats/byte_file.h"

namespace physgen {
namespace {

constexpr haddr_t kMostAddress = std::numeric_limits<int64_t>::max();

struct BoundedFile {
  H5FD_t library;  // the library's own part: must be first
  ByteFile bytes;
  haddr_t end_of_allocation;
};

BoundedFile* bounded(H5FD_t* file) { return reinterpret_cast<BoundedFile*>(file); }
const BoundedFile* bounded(const H5FD_t* file) { return reinterpret_cast<const BoundedFile*>(file); }

H5FD_t* open_bounded(const char* name, unsigned flags, hid_t, haddr_t) {
  if (flags & (H5F_ACC_RDWR | H5F_ACC_TRUNC | H5F_ACC_CREAT)) return nullptr;
  try {
    return &(new BoundedFile{{}, ByteFile(name), 0})->library;
  } catch (const Error&) {  // must not pass through C
    return nullptr;
  }
}

herr_t close_bounded(H5FD_t* file) {
  delete bounded(file);
  return 0;
}

herr_t query_bounded(const H5FD_t*, unsigned long* flags) {
  if (flags) *flags = H5FD_FEAT_DATA_SIEVE;
  return 0;
}

haddr_t end_of_allocation(const H5FD_t* file, H5FD_mem_t) { return bounded(file)->end_of_allocation; }

herr_t set_end_of_allocation(H5FD_t* file, H5FD_mem_t, haddr_t address) {
  bounded(file)->end_of_allocation = address;
  return 0;
}

haddr_t end_of_file(const H5FD_t* file, H5FD_mem_t) { return static_cast<haddr_t>(bounded(file)->bytes.size()); }

herr_t read_bounded(H5FD_t* file, H5FD_mem_t, hid_t, haddr_t address, size_t size, void* buffer) {
  return bounded(file)->bytes.read(address, size, static_cast<uint8_t*>(buffer)) ? 0 : -1;
}

herr_t refuse_to_write(H5FD_t*, H5FD_mem_t, hid_t, haddr_t, size_t, const void*) { return -1; }

H5FD_class_t bounded_class() {
  H5FD_class_t driver = {};
#ifdef H5FD_CLASS_VERSION
  driver.version = H5FD_CLASS_VERSION;
  driver.value = static_cast<H5FD_class_value_t>(300);  // in the range that is free for anyone
#endif
  driver.name = "physgen_bounded";
  driver.maxaddr = kMostAddress;
  driver.fc_degree = H5F_CLOSE_WEAK;
  driver.open = open_bounded;
  driver.close = close_bounded;
  driver.query = query_bounded;
  driver.get_eoa = end_of_allocation;
  driver.set_eoa = set_end_of_allocation;
  driver.get_eof = end_of_file;
  driver.read = read_bounded;
  driver.write = refuse_to_write;
  const H5FD_mem_t map[] = H5FD_FLMAP_SINGLE;
  for (int i = 0; i < H5FD_MEM_NTYPES; ++i) driver.fl_map[i] = map[i];
  return driver;
}

}  // namespace

hid_t make_bounded_access() {
  static const H5FD_class_t driver = bounded_class();
  static const hid_t registered = H5FDregister(&driver);  // for good: closing a file reads it after letting go of it
  const hid_t access = H5Pcreate(H5P_FILE_ACCESS);
  H5Pset_driver(access, registered, nullptr);
  return access;
}

}  // namespace physgen
