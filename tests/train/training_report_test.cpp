
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/duplicate_key.h"
#include "train/tiny_run.h"
#include "train/training_report.h"

namespace physgen {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class TrainingReport : public ::testing::Test {
 protected:
  std::string train(int64_t steps) {
    FinetuneJob job = run_.job("run");
    job.config.steps = steps;
    job.command = "physgen finetune --data 'a <b>'";
    job.origins = {{"steps", "my <run>.json, line 3: steps"}};
    job.resume = true;
    const std::atomic<bool> stop = false;
    finetune(job, {}, stop);
    return job.out;
  }

  TinyRun run_;
};

TEST_F(TrainingReport, SaysHowARunWentAndHowToDoItAgain) {
  const std::string page = training_report(train(6));
  EXPECT_THAT(page, HasSubstr("6 steps done; best on held-out episodes after step"));
  for (const char* name :
       {">loss<", ">observation<", ">action<", ">action error<", ">learning rate<", ">gradient norm<"}) {
    EXPECT_THAT(page, HasSubstr(name));
  }
  EXPECT_THAT(page, HasSubstr("memory of the process at most"));
  EXPECT_THAT(page, HasSubstr("Held-out error of actions by dimension"));
  EXPECT_THAT(page, HasSubstr("physgen finetune --data 'a &lt;b&gt;'"));
  EXPECT_THAT(page, HasSubstr("<td class=\"name\">steps<td>6<td>my &lt;run&gt;.json, line 3: steps</tr>"));
  EXPECT_THAT(page, HasSubstr("<td class=\"name\">batch<td>4<td class=\"faint\">default</tr>"));
  EXPECT_THAT(page, HasSubstr("<img src=\"best/imagined.png\""));
  for (const char* absent : {"http://", "https://", "<script", "nan", "reconstructions"})
    EXPECT_THAT(page, Not(HasSubstr(absent)));
}

TEST_F(TrainingReport, GoesOnWithARunThatWasResumed) {
  train(4);
  const std::string page = training_report(train(6));
  EXPECT_THAT(page, HasSubstr("6 steps done"));
}

TEST_F(TrainingReport, IsOfTrainingFoldersAlone) {
  const std::string folder = train(2);
  EXPECT_TRUE(holds_training(folder));
  EXPECT_FALSE(holds_training(folder + "/best"));
  EXPECT_FALSE(holds_training("nowhere"));
  expect_duplicate_key_refused<FormatError>(folder + "/metrics.jsonl", [&] { training_report(folder); });
}

}  // namespace
}  // namespace physgen
