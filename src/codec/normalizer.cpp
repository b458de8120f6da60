#include <physgen/codec/normalizer.h>

#include <physgen/core/error.h>

namespace physgen {
namespace {

using Row = Eigen::Array<double, 1, Eigen::Dynamic>;

Row row_of(const std::vector<double>& values) {
  return Eigen::Map<const Row>(values.data(), static_cast<Eigen::Index>(values.size()));
}

void check_width(const Matrix& rows, size_t width) {
  if (rows.cols() == static_cast<Eigen::Index>(width)) return;
  throw Error({.what = "values do not fit the statistics",
               .where = "normalizer",
               .got = std::to_string(rows.cols()) + " dimensions",
               .expected = std::to_string(width),
               .next_step = "use the robot and control mode that the statistics come from"});
}

}  // namespace

Matrix Normalizer::normalize(const Matrix& rows) const {
  check_width(rows, low.size());
  const Row range = row_of(high) - row_of(low);
  const Row scale = (range > 0).select(2 / range, Row::Zero(range.size()));
  const Row middle = (row_of(high) + row_of(low)) / 2;
  Eigen::ArrayXXd values = rows.cast<double>().array();
  values = (values.rowwise() - middle).rowwise() * scale;
  return values.max(-1.0).min(1.0).matrix().cast<float>();
}

Matrix Normalizer::denormalize(const Matrix& rows) const {
  check_width(rows, low.size());
  const Row half = (row_of(high) - row_of(low)) / 2;
  const Row middle = (row_of(high) + row_of(low)) / 2;
  Eigen::ArrayXXd values = rows.cast<double>().array();
  values = (values.rowwise() * half).rowwise() + middle;
  return values.matrix().cast<float>();
}

}  // namespace physgen
