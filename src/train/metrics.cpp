#include <physgen/train/metrics.h>

#include <algorithm>
#include <stdexcept>

namespace physgen {

double number_of(const std::vector<NamedNumber>& numbers, const std::string& name) {
  const auto found = std::ranges::find(numbers, name, &NamedNumber::name);
  if (found == numbers.end()) throw std::out_of_range("no number is called " + name);
  return found->value;
}

}  // namespace physgen
