// Whatever file call fails, or is the last of the process, last.h5 and best.h5 agree.
#include "repeat_files.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "hierevo/core/error.hpp"
#include "hierevo/io/newer_version.hpp"
#include "io/sample_training.hpp"
#include "support/failing_files.hpp"
#include "support/scratch_folder.hpp"

namespace hierevo::app {
namespace {

using test::FailingFiles;
using test::FileFault;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

/// After so many steps, the best weights those of step `best_step`, with a score of 1/1000 of it.
io::TrainingSnapshot at_step(std::int64_t step, std::int64_t best_step) {
  io::TrainingSnapshot snapshot = io::test::sample_training();
  snapshot.losses.resize(static_cast<std::size_t>(step));
  snapshot.best_step = best_step;
  snapshot.top1 = static_cast<double>(best_step) / 1000;
  return snapshot;
}

class RepeatFilesTest : public testing::Test {
 protected:
  RepeatFilesTest() { start_anew(); }

  void start_anew() {
    for (const auto& entry : std::filesystem::directory_iterator(folder_.path())) {
      std::filesystem::remove_all(entry.path());
    }
    RepeatFiles files = opened();
    choose_and_save(files, 10);
  }
  RepeatFiles opened() const { return {last_, best_}; }

  /// As a training that is tested at this step and goes on a little.
  static std::exception_ptr choose_and_save(RepeatFiles& files, std::int64_t step) {
    files.choose(at_step(step, step));
    io::TrainingSnapshot last = at_step(step + 5, step);
    return files.save(last);
  }

  /// What the next start finds, which is to agree in itself.
  io::TrainingSnapshot found() const {
    const auto loaded = opened().load().value();
    EXPECT_THAT(loaded.warnings, IsEmpty());
    const io::TrainingSnapshot best = io::load_training(best_);
    EXPECT_EQ(loaded.snapshot.best_step, best.best_step);
    EXPECT_EQ(loaded.snapshot.top1, best.top1);
    return loaded.snapshot;
  }

  std::vector<std::string> warnings() const { return opened().load().value().warnings; }

  test::ScratchFolder folder_;
  std::filesystem::path last_ = folder_.path() / "last.h5";
  std::filesystem::path best_ = folder_.path() / "best.h5";
};

TEST_F(RepeatFilesTest, AgreeWhateverCannotBeWritten) {
  for (const FileFault fault : {FileFault::error, FileFault::broken, FileFault::full}) {
    bool reached = true;
    std::size_t nth = 0;
    while (reached) {
      SCOPED_TRACE(testing::Message() << "call " << ++nth << ", fault " << static_cast<int>(fault));
      start_anew();
      RepeatFiles files = opened();
      ASSERT_TRUE(files.load());
      {
        const FailingFiles failing(nth, fault);
        try {
          const std::exception_ptr best_failed = choose_and_save(files, 20);
          EXPECT_EQ(files.saved_step(), 25);
          if (!failing.reached()) {
            EXPECT_FALSE(best_failed);
          }
        } catch (const core::IoError&) {
        }
        reached = failing.reached();
      }
      found();
      // Later there is room, and the best weights still wait.
      io::TrainingSnapshot last = at_step(30, 20);
      EXPECT_FALSE(files.save(last));
      EXPECT_EQ(found().best_step, 20);
      EXPECT_EQ(std::ssize(found().losses), 30);
    }
    EXPECT_GT(nth, 12u);
  }
}

TEST_F(RepeatFilesTest, AgreeWhereverTheProcessEnds) {
  bool crashed = true;
  std::size_t nth = 0;
  while (crashed) {
    SCOPED_TRACE(testing::Message() << "call " << ++nth);
    start_anew();
    crashed = test::crashes_at(nth, [&] {
      RepeatFiles files = opened();
      files.load();
      if (choose_and_save(files, 20)) throw std::runtime_error("not saved");
    });
    const io::TrainingSnapshot last = found();
    if (!crashed) {
      EXPECT_EQ(last.best_step, 20);
    }
  }
  EXPECT_GT(nth, 12u);
}

TEST_F(RepeatFilesTest, BestWeightsThatAreGoneAreToldOfAndChosenAnew) {
  std::filesystem::remove(best_);
  EXPECT_THAT(warnings(), ElementsAre("The best weights, after step 10, are not in '" +
                                      best_.string() + "' (it is not there)."));
  EXPECT_EQ(opened().load()->snapshot.best_step, 0);
  io::save_training(at_step(4, 4), best_);
  EXPECT_THAT(warnings(), ElementsAre(HasSubstr("it has those after step 4")));
  EXPECT_EQ(opened().load()->snapshot.best_step, 4);
  core::replace_file(best_, std::string_view("hierevo training 1\n"));
  EXPECT_THAT(warnings(), ElementsAre(HasSubstr("it is torn")));
  EXPECT_THAT(difference_of_best(best_, 10), HasSubstr("it is torn"));
}

TEST_F(RepeatFilesTest, BestWeightsThatCannotBeReadNowAreNotTakenForGone) {
  bool reached = true;
  std::size_t nth = 0;
  int refused = 0;
  while (reached) {
    SCOPED_TRACE(testing::Message() << "call " << ++nth);
    const FailingFiles failing(nth, FileFault::error);
    try {
      const auto loaded = opened().load();
      ASSERT_TRUE(loaded);
      EXPECT_EQ(loaded->snapshot.best_step, 10);
    } catch (const core::Error&) {
      ++refused;
    }
    reached = failing.reached();
  }
  EXPECT_EQ(refused, 2);  // last.h5 and best.h5 are opened
  const FailingFiles failing(1, FileFault::error);
  EXPECT_THAT(difference_of_best(best_, 10), HasSubstr("Input/output error"));
}

TEST_F(RepeatFilesTest, BestWeightsOfANewerVersionAreLeftAlone) {
  core::replace_file(best_, std::string_view("hierevo training 9\nbytes 0\n"));
  EXPECT_THROW(opened().load(), io::NewerVersionError);
  EXPECT_THAT(difference_of_best(best_, 10), HasSubstr("newer hierevo"));
}

TEST_F(RepeatFilesTest, ThoseOfAnotherTrainingAreRefused) {
  io::TrainingSnapshot other = at_step(10, 10);
  other.seed = 77;
  io::save_training(other, best_);
  EXPECT_THROW(opened().load(), core::CheckpointError);
}

TEST_F(RepeatFilesTest, DifferFromAResultOrNot) {
  EXPECT_EQ(difference_of_best(best_, 10), "");
  EXPECT_THAT(difference_of_best(best_, 20),
              HasSubstr("The best weights, after step 20, are not in"));
}

}  // namespace
}  // namespace hierevo::app
