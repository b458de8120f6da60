#include "train/job_data.h"

namespace physgen {

std::vector<DemonstrationSet> read_sets(const FinetuneJob& job, const std::function<void(const std::string&)>& note) {
  auto sets =
      read_demonstrations(job.data, job.instruction, job.config.held_out, static_cast<uint64_t>(job.config.seed),
                          job.config.control_mode.value_or(""), job.resample);
  for (const DemonstrationSet& set : sets) note_left_out(set.dataset, note);
  return sets;
}

}  // namespace physgen
