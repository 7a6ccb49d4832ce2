#include "hierevo/data/validation_labels.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "hierevo/core/error.hpp"
#include "hierevo/core/file.hpp"
#include "support/refusal.hpp"
#include "support/scratch_folder.hpp"

namespace hierevo::data {
namespace {

using testing::HasSubstr;
using Labels = std::vector<std::int64_t>;

class ValidationLabelsTest : public testing::Test {
 protected:
  /// The labels of the images, or what is wrong.
  Labels read(std::string_view labels, std::string_view synsets = "") {
    core::replace_file(files.labels, labels);
    core::replace_file(scratch.path() / "synsets", synsets);
    files.synsets = synsets.empty() ? "" : scratch.path() / "synsets";
    const std::vector<std::string> classes = {"n01", "n02", "n03"};
    const ValidationLabels found = read_validation_labels(files, images, classes);
    assumption = found.assumption;
    return found.labels;
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
  ValidationLabelFiles files{scratch.path() / "labels", {}, {}};
  std::vector<std::string> images = {"val_1.JPEG", "val_2.JPEG", "val_3.JPEG"};
  std::string assumption;
};

TEST_F(ValidationLabelsTest, ReadsWhatPeopleHave) {
  const Labels expected = {1, 0, 2};
  EXPECT_EQ(read("n02\nn01\nn03\n"), expected);                      // one WNID per line
  EXPECT_EQ(read("3\n2\n1\n", "n03 a\nn01 b, c\nn02\n"), expected);  // ground truth
  EXPECT_EQ(read("3\r\n2\r\n1", "n03 1 a\r\nn01 2 b\r\nn02 3 c"), expected);
  EXPECT_EQ(read("val_3.JPEG 2\nval_1.JPEG 1\nval_2.JPEG 0\n", "n01\nn02\nn03\n"), expected);
  EXPECT_EQ(read("ImageId,PredictionString\nval_2,n01 1 2 3 4 \nval_3,n03 1 2 3 4 n03 5 6 7 8\n"
                 "val_1,n02 1 2 3 4\n"),
            expected);  // LOC_val_solution.csv
}

TEST_F(ValidationLabelsTest, RefusesWhatDoesNotFit) {
  EXPECT_THAT(refusal("n01\nn02\n"), HasSubstr("it has 2 classes for 3 images"));
  EXPECT_THAT(refusal("n01\nn09\nn02\n"), HasSubstr("line 2: 'n09' is not a class"));
  EXPECT_THAT(refusal("1\n2\n3\n"), HasSubstr("line 1: '1' is a number, and no synsets say of"));
  EXPECT_THAT(refusal("1\n4\n3\n", "n01\nn02\nn03\n"),
              HasSubstr("line 2: class 4, but the 3 classes"));
  EXPECT_THAT(refusal("0\n3\n1\n", "n01\nn02\nn03\n"),
              HasSubstr("line 2: class 3, but the 3 classes"));
  EXPECT_THAT(refusal("1\n2\n3\n", "n01\nn05\n"), HasSubstr("synsets' (line 2: 'n05'"));
  EXPECT_THAT(refusal("val_1 n01\nval_2 n01\n"), HasSubstr("no class for 'val_3.JPEG'"));
  EXPECT_THAT(refusal("val_1 n01\nval_2\n"), HasSubstr("line 2: an image without a class"));
  EXPECT_THAT(refusal(""), HasSubstr("it has 0 classes for 3 images"));
}

constexpr std::string_view synsets = "n01\nn02\nn03\n";

TEST_F(ValidationLabelsTest, NumbersCountFromWhereTheFileShows) {
  EXPECT_EQ(read("0\n1\n0\n", synsets), (Labels{0, 1, 0}));
  EXPECT_EQ(assumption, "classes are assumed to count from 0, as line 1 has a 0");
  EXPECT_EQ(read("1\n3\n2\n", synsets), (Labels{0, 2, 1}));
  EXPECT_EQ(assumption, "classes are assumed to count from 1, as there is a 3");
  EXPECT_EQ(read("n01\nn03\nn02\n", synsets), (Labels{0, 2, 1}));
  EXPECT_EQ(assumption, "");
  // Images of only some of the classes.
  const std::string_view either = "val_1 1\nval_2 2\nval_3 2\n";
  EXPECT_THAT(refusal(either, synsets),
              HasSubstr("labels' may count from 0 or from 1, as neither 0 nor 3 occurs). Give 0 "
                        "or 1."));
  files.first_number = 0;
  EXPECT_EQ(read(either, synsets), (Labels{1, 2, 2}));
  EXPECT_EQ(assumption, "");
  files.first_number = 1;
  EXPECT_EQ(read(either, synsets), (Labels{0, 1, 1}));
  EXPECT_THAT(refusal("1\n0\n1\n", synsets),
              HasSubstr("line 2: class 0, but the 3 classes count from 1"));
}

TEST_F(ValidationLabelsTest, WholeNamesComeFirst) {
  images = {"v1.JPEG", "v1.jpg", "v2.JPEG"};
  EXPECT_EQ(read("v1.JPEG,n01\nv1.jpg,n02\nval/v2.JPEG,n03\n"), (Labels{0, 1, 2}));
  EXPECT_EQ(read("v2,n03\nv1.JPEG,n01\nv1.jpg,n02\n"), (Labels{0, 1, 2}));
  EXPECT_THAT(refusal("v2,n03\nv1,n01\n"), HasSubstr("line 2: 'v1' could be 'v1.JPEG' or another"));
  EXPECT_THAT(refusal("v1.JPEG,n01\nv2.JPEG,n03\n"), HasSubstr("it gives no class for 'v1.jpg'"));
  images = {"v1.JPEG", "v2.JPEG"};
  EXPECT_EQ(read("v1.jpg,n02\nv1.JPEG,n01\nv2.png,n03\n"), (Labels{0, 2}));
  EXPECT_THAT(refusal("v1.JPEG,n01\nv2.png,n03\nv2.jpg,n02\n"),
              HasSubstr("line 3: 'v2.JPEG' has another class in line 2"));
}

TEST_F(ValidationLabelsTest, ContradictionsAreRefused) {
  images = {"v1.JPEG", "v2.JPEG"};
  EXPECT_THAT(refusal("v1.JPEG,n02\nv2.JPEG,n03\nv1.JPEG,n01\n"),
              HasSubstr("line 3: 'v1.JPEG' has another class in line 1"));
  EXPECT_THAT(refusal("v1,n02\nv2.JPEG,n03\nv1.JPEG,n01\n"),
              HasSubstr("line 3: 'v1.JPEG' has another class in line 1"));
  EXPECT_THAT(refusal("v1,n02\nv2.JPEG,n03\nx/v1,n01\n"),
              HasSubstr("line 3: 'v1' has another class in line 1"));
  EXPECT_EQ(read("v1.JPEG,n02\nv2.JPEG,n03\nv1.JPEG,n02\n"), (Labels{1, 2}));
  EXPECT_THAT(refusal("1\n2\n", "n01\nn02\nn01\n"),
              HasSubstr("synsets' (line 3: 'n01' is already in line 1"));
}

TEST_F(ValidationLabelsTest, AClassCalledByANumberIsNotTakenForOneOfSynsets) {
  core::replace_file(files.labels, std::string_view("2\n1\n2\n"));
  const std::vector<std::string> classes = {"1", "2"};
  EXPECT_EQ(read_validation_labels(files, images, classes).labels, (Labels{1, 0, 1}));
  files.synsets = scratch.path() / "synsets";
  core::replace_file(files.synsets, std::string_view("2\n1\n"));
  EXPECT_THAT(hierevo::test::refusal([&] { read_validation_labels(files, images, classes); }),
              HasSubstr("line 1: '2' may be the name of a class or a number of the synsets"));
}

TEST_F(ValidationLabelsTest, ReadsWhatSpreadsheetsWrite) {
  const Labels expected = {1, 0, 2};
  EXPECT_EQ(read("\xef\xbb\xbfn02\r\nn01\r\nn03\r\n"), expected);
  EXPECT_EQ(read("n02\rn01\rn03"), expected);
  EXPECT_EQ(read("\xef\xbb\xbfval_1.JPEG;n02\nval_2.JPEG;n01\nval_3.JPEG;n03\n"), expected);
  EXPECT_EQ(read("\"val_1.JPEG\",\"n02\"\n\"val_2.JPEG\",\"n01\"\nval_3;\"n03\"\n"), expected);
  images = {"a, \"b\".jpg", "12\".jpg"};
  EXPECT_EQ(read("\"a, \"\"b\"\".jpg\",n03\n12\".jpg n02\n"), (Labels{2, 1}));
  EXPECT_THAT(refusal("\"a, b.jpg n03\n12\" n02\n"), HasSubstr("line 1: 'b.jpg' is not a class"));
  EXPECT_THAT(refusal(std::string_view("\xff\xfen\0", 4)), HasSubstr("labels' (it is UTF-16"));
}

}  // namespace
}  // namespace hierevo::data
