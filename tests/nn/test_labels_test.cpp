#include "hierevo/nn/test_labels.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "hierevo/core/error.hpp"
#include "hierevo/core/file.hpp"
#include "support/scratch_folder.hpp"

namespace hierevo::nn {
namespace {

using testing::HasSubstr;
using Labels = std::vector<std::int64_t>;

class TestLabels : public testing::Test {
 protected:
  /// The labels of three images, or what is wrong.
  Labels read(std::string_view labels, std::string_view synsets = "") {
    core::replace_file(scratch.path() / "labels", labels);
    core::replace_file(scratch.path() / "synsets", synsets);
    TestLabelFiles files{scratch.path() / "labels", {}};
    if (!synsets.empty()) files.synsets = scratch.path() / "synsets";
    const std::vector<std::string> images = {"val_1.JPEG", "val_2.JPEG", "val_3.JPEG"};
    const std::vector<std::string> classes = {"n01", "n02", "n03"};
    return read_test_labels(files, images, classes);
  }
  std::string refusal(std::string_view labels, std::string_view synsets = "") {
    try {
      read(labels, synsets);
      return "accepted";
    } catch (const core::UsageError& error) {
      return error.what();
    }
  }

  const hierevo::test::ScratchFolder scratch;
};

TEST_F(TestLabels, ReadsWhatPeopleHave) {
  const Labels expected = {1, 0, 2};
  EXPECT_EQ(read("n02\nn01\nn03\n"), expected);                      // a WNID a line
  EXPECT_EQ(read("3\n2\n1\n", "n03 a\nn01 b, c\nn02\n"), expected);  // ground truth
  EXPECT_EQ(read("3\r\n2\r\n1", "n03 1 a\r\nn01 2 b\r\nn02 3 c"), expected);
  EXPECT_EQ(read("val_3.JPEG 2\nval_1.JPEG 1\nval_2.JPEG 0\n", "n01\nn02\nn03\n"), expected);
  EXPECT_EQ(read("ImageId,PredictionString\nval_2,n01 1 2 3 4 \nval_3,n03 1 2 3 4 n03 5 6 7 8\n"
                 "val_1,n02 1 2 3 4\n"),
            expected);  // LOC_val_solution.csv
}

TEST_F(TestLabels, RefusesWhatDoesNotFit) {
  EXPECT_THAT(refusal("n01\nn02\n"), HasSubstr("it has 2 classes for 3 images"));
  EXPECT_THAT(refusal("n01\nn09\nn02\n"), HasSubstr("line 2: 'n09' is no class"));
  EXPECT_THAT(refusal("1\n2\n3\n"), HasSubstr("line 1: '1' is a number, and --synsets does not"));
  EXPECT_THAT(refusal("1\n4\n3\n", "n01\nn02\nn03\n"), HasSubstr("line 2: class 4 of 3"));
  EXPECT_THAT(refusal("0\n3\n1\n", "n01\nn02\nn03\n"), HasSubstr("line 2: class 3 of 3"));
  EXPECT_THAT(refusal("1\n2\n3\n", "n01\nn05\n"), HasSubstr("synsets' (line 2: 'n05'"));
  EXPECT_THAT(refusal("val_1 n01\nval_2 n01\n"), HasSubstr("no class for 'val_3.JPEG'"));
  EXPECT_THAT(refusal("val_1 n01\nval_2\n"), HasSubstr("line 2: an image without a class"));
  EXPECT_THAT(refusal(""), HasSubstr("it has 0 classes for 3 images"));
}

}  // namespace
}  // namespace hierevo::nn
