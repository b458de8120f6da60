#pragma once

#include <hdf5.h>

namespace physgen {

/// How HDF5 shall open untrusted files: read-only, each read checked against the file's size, and without the cache of
/// raw metadata, which reads outside its own memory where a damaged file names impossible addresses (HDF5 1.10's
/// H5F__accum_read). Returns a file access property list that the caller closes.
hid_t make_bounded_access();

}  // namespace physgen
