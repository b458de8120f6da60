#pragma once

#include <cstdint>
#include <vector>

namespace physgen {

/// A range of proportions, 0 to 1.
struct Interval {
  double low = 0;
  double high = 1;
};

/// Wilson's score interval of a success rate; [0, 1] without a trial.
/// @param z  standard normal quantile of the confidence, 1.96 for 95 %
/// Source: E. B. Wilson, Probable inference, the law of succession, and statistical inference, JASA 22 (1927).
Interval wilson_interval(int64_t successes, int64_t trials, double z = 1.959963984540054);

/// McNemar's exact test of paired outcomes, two-sided: how likely counts as unequal as these of pairs in which only one
/// succeeds are, if either is as likely as the other. 1 without a pair.
/// Source: Q. McNemar, Note on the sampling error of the difference between correlated proportions, Psychometrika 12
/// (1947).
double mcnemar_p_value(int64_t first_alone, int64_t second_alone);

/// The value below which a part of some sorted values lies, interpolated linearly between neighbours; 0 without a
/// value.
/// @param part  in [0, 1]
double quantile(const std::vector<double>& sorted, double part);

/// The middle one of some values in any order, or the mean of the middle two; 0 without a value.
double median(std::vector<double> values);

}  // namespace physgen
