#include "data/frame_stream.h"

#include <gmock/gmock.h>

#include "data/demonstration_fixture.h"

namespace physgen {
namespace {

class FrameStreamTest : public DemonstrationFixture {
 protected:
  FrameStreamTest() {
    write_demonstrations(path_, {.steps = {60, 3, 20, 1}, .cameras = {"left", "right"}});
    dataset_.emplace(std::vector{path_});
  }

  static Image as_it_is(Image image) { return image; }

  std::optional<DemonstrationDataset> dataset_;
};

TEST_F(FrameStreamTest, GivesEachFrameOfEachCameraInOrder) {
  FrameStream<Image> stream(*dataset_, {"right", "left"}, all_frames(*dataset_), as_it_is);
  for (int64_t episode = 0; episode < dataset_->size(); ++episode) {
    for (int64_t frame = 0; frame <= dataset_->info(episode).control_steps; ++frame) {
      const std::vector<Image> images = stream.next();
      ASSERT_EQ(images.size(), 2u);
      EXPECT_EQ(images[0], dataset_->read_frame(episode, "right", frame)) << episode << " " << frame;
      EXPECT_EQ(images[1], dataset_->read_frame(episode, "left", frame)) << episode << " " << frame;
    }
  }
  EXPECT_EQ(problem_of<Error>([&] { stream.next(); }).what, "there are no more frames");
}

TEST_F(FrameStreamTest, GivesWhatIsMadeOfChosenFrames) {
  FrameStream<int> stream(*dataset_, {"left"}, {{0, {1, 40}}, {1, {}}, {2, {7}}},
                          [](const Image& image) { return int{image.pixels[0]}; });
  std::vector<int> first_bytes;
  for (int i = 0; i < 3; ++i) first_bytes.push_back(stream.next()[0]);
  EXPECT_THAT(first_bytes,
              testing::ElementsAre(DemonstrationSketch::pixel(0, 1, 0), DemonstrationSketch::pixel(0, 40, 0),
                                   DemonstrationSketch::pixel(2, 7, 0)));
}

TEST_F(FrameStreamTest, MayEndBeforeItsFramesDo) {
  FrameStream<Image> stream(*dataset_, {"left", "right"}, all_frames(*dataset_), as_it_is);
  EXPECT_EQ(stream.next()[0], dataset_->read_frame(0, "left", 0));
}

TEST_F(FrameStreamTest, ThrowsAtTheFrameThatCannotBeRead) {
  FrameStream<Image> stream(*dataset_, {"left"}, {{1, {0, 1, 9, 2}}, {2, {0}}}, as_it_is);
  EXPECT_NO_THROW(stream.next());
  EXPECT_NO_THROW(stream.next());
  EXPECT_EQ(problem_of<FormatError>([&] { stream.next(); }).got, "frame 9");
}

}  // namespace
}  // namespace physgen
