#include "train/calibration_job.h"

#include "device/int8.h"
#include "policy/calibration.h"
#include "train/calibration_windows.h"

namespace physgen {

Calibration calibrate_checkpoint(const CalibrationJob& job) {
  require_int8(at::kCPU, "calibrate");
  const LoadedPolicy policy = load_policy(job.checkpoint);
  const auto sets = read_demonstrations(job.data, job.instruction, /*held_out=*/0, /*seed=*/0,
                                        policy.config.control_mode, job.resample);
  const Calibration calibration = calibrate(policy, calibration_windows(sets, policy.config, job.windows),
                                            {.tolerance = job.tolerance, .report = job.report});
  save_calibration(job.checkpoint, calibration);
  return calibration;
}

}  // namespace physgen
