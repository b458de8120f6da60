#pragma once

#include <Eigen/Core>

namespace physgen {

/// Actions, states and poses on the host: one row a control step, float32, row-major (rows can be copied as bytes).
using Matrix = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

}  // namespace physgen
