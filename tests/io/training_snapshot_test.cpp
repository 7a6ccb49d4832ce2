// Networks in training: what is written is read back, and nothing else is accepted.
#include "hierevo/io/training_snapshot.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>

#include "checksummed_header.hpp"
#include "edited.hpp"
#include "h5.hpp"
#include "hierevo/core/error.hpp"
#include "hierevo/core/file.hpp"
#include "hierevo/core/random.hpp"
#include "sample_training.hpp"
#include "support/scratch_folder.hpp"

namespace hierevo::io {
namespace {

using test::remove_object;
using test::sample_training;
using testing::HasSubstr;

void expect_same(const std::vector<StoredTensor>& a, const std::vector<StoredTensor>& b) {
  ASSERT_EQ(a.size(), b.size());
  for (std::size_t i = 0; i < a.size(); ++i) {
    EXPECT_EQ(a[i].name, b[i].name);
    EXPECT_EQ(a[i].shape, b[i].shape);
    EXPECT_EQ(a[i].values, b[i].values);
  }
}

TEST(TrainingSnapshot, IsReadAsItWasWritten) {
  const hierevo::test::ScratchFolder folder;
  const auto path = folder.path() / "last.h5";
  const TrainingSnapshot written = sample_training();
  save_training(written, path);
  const TrainingSnapshot read = load_training(path);
  EXPECT_EQ(read.genotype, written.genotype);
  EXPECT_EQ(read.model.kind, written.model.kind);
  EXPECT_EQ(read.model.channels, 24);
  EXPECT_EQ(read.model.cells, 2);
  EXPECT_EQ(read.model.input_channels, 1);
  EXPECT_EQ(read.model.classes, 7);
  EXPECT_EQ(read.pixel_mean, written.pixel_mean);
  EXPECT_EQ(read.pixel_scale, written.pixel_scale);
  EXPECT_EQ(read.options, written.options);
  EXPECT_EQ(read.seed, written.seed);
  EXPECT_EQ(read.seconds, 12.5);
  EXPECT_EQ(read.top1, 0.75);
  EXPECT_EQ(read.best_step, 40);
  EXPECT_EQ(read.repeat_accuracy, written.repeat_accuracy);
  EXPECT_EQ(read.repeat_loss, written.repeat_loss);
  EXPECT_EQ(read.losses, written.losses);
  expect_same(read.weights, written.weights);  // in their order, which is not that of the names
  expect_same(read.momentum, written.momentum);
  expect_same(read.average, {});
}

TEST(TrainingSnapshot, TheNewestOfThreeThatIsWholeIsFound) {
  const hierevo::test::ScratchFolder folder;
  const auto path = folder.path() / "last.h5";
  EXPECT_FALSE(load_newest_training(path));
  TrainingSnapshot training = sample_training();
  for (int step = 1; step <= 4; ++step) {
    training.losses.assign(static_cast<std::size_t>(step), 1.0);
    save_kept_training(training, path);
  }
  const auto expect_found = [&](std::size_t step, std::size_t warnings) {
    const auto found = load_newest_training(path);
    ASSERT_TRUE(found);
    EXPECT_EQ(found->snapshot.losses.size(), step);
    EXPECT_EQ(found->warnings.size(), warnings);
  };
  const auto damage = [](const std::filesystem::path& name) {
    std::vector<std::byte> bytes = core::read_file(name);
    bytes.back() ^= std::byte{1};
    core::replace_file(name, bytes);
  };
  expect_found(4, 0);
  damage(path);
  expect_found(3, 1);
  // A damaged one does not push out a good one.
  training.losses.assign(5, 1.0);
  save_kept_training(training, path);
  expect_found(5, 0);
  damage(path);
  damage(path.string() + ".1");
  expect_found(2, 2);
  damage(path.string() + ".2");
  EXPECT_THAT([&] { load_newest_training(path); },
              testing::ThrowsMessage<core::CheckpointError>(HasSubstr("none of its snapshots")));
}

std::string refusal_of_training(std::span<const std::byte> bytes) {
  try {
    decode_training(bytes, "OUT/last.h5");
    return "accepted";
  } catch (const core::CheckpointError& error) {
    return error.what();
  }
}

TEST(TrainingSnapshot, DamageIsNoticed) {
  const std::vector<std::byte> good = encode_training(sample_training());
  core::RandomStream random(5);
  for (int i = 0; i < 1000; ++i) {
    // Often at the beginning, where the text block and HDF5's superblock are.
    const std::size_t within = i % 4 == 0 ? block_size + 96 : good.size();
    auto bytes = good;
    bytes[random.below(within)] ^= static_cast<std::byte>(1 + random.below(255));
    EXPECT_THAT(refusal_of_training(bytes), HasSubstr("'OUT/last.h5': it is "));
    EXPECT_THAT(refusal_of_training(std::span(good).first(random.below(within))),
                HasSubstr("'OUT/last.h5': it is "));
  }
}

TEST(TrainingSnapshot, ASnapshotOfASearchIsNone) {
  auto bytes = encode_training(sample_training());
  EXPECT_THAT(refusal_of_training(
                  with_checksummed_header(std::span(bytes).subspan(block_size), snapshot_kind)),
              HasSubstr("it is not a hierevo training"));
}

/// The message about the sample after `edit`, with a valid checksum.
std::string refusal_after(const std::function<void(hid_t file)>& edit) {
  return refusal_of_training(test::edited(encode_training(sample_training()), training_kind, edit));
}

TEST(TrainingSnapshot, ContentThatCannotBeIsNamed) {
  EXPECT_EQ(refusal_after([](hid_t) {}), "accepted");
  EXPECT_EQ(refusal_after([](hid_t file) { remove_object(file, "repeat_loss"); }), "accepted");
  EXPECT_THAT(refusal_after([](hid_t file) { H5Adelete(file, "seed"); }),
              HasSubstr("'seed' of / is missing"));
  EXPECT_THAT(refusal_after([](hid_t file) { remove_object(file, "losses"); }),
              HasSubstr("/losses is missing"));
  EXPECT_THAT(refusal_after([](hid_t file) { remove_object(file, "weights/stem.0.weight"); }),
              HasSubstr("stem.0.weight is missing"));
  EXPECT_THAT(refusal_after([](hid_t file) {
                remove_object(file, "weights/classifier.bias");
                const std::vector<double> values(7);
                h5::write_vector<double>(file, "weights/classifier.bias", values);
              }),
              HasSubstr("classifier.bias has a wrong type"));
  EXPECT_THAT(refusal_after([](hid_t file) {
                remove_object(file, "pixel_mean");
                const std::vector<float> values(3);
                h5::write_vector<float>(file, "pixel_mean", values);
              }),
              HasSubstr("/pixel_mean has 3 rows instead of 1"));
  EXPECT_THAT(refusal_after([](hid_t file) {
                H5Adelete(file, "genotype");
                h5::write_text_attribute(file, "genotype", "{}");
              }),
              HasSubstr("genotype"));
}

TEST(TrainingSnapshot, ATensorIsThereOnce) {
  EXPECT_THAT(refusal_after([](hid_t file) {
                remove_object(file, "weights_order");
                const std::vector<std::string> names(3, "classifier.bias");
                h5::write_strings(file, "weights_order", names);
              }),
              HasSubstr("weights_order names 'classifier.bias' twice"));
  EXPECT_THAT(refusal_after([](hid_t file) {
                std::vector<std::string> names = {"much"};
                h5::write_vector<float>(file, "weights/much", std::vector<float>(100'000));
                while (names.size() < 20) {
                  names.push_back(names.front() + std::to_string(names.size()));
                  HIEREVO_H5(H5Lcreate_hard, file, "weights/much", file,
                             ("weights/" + names.back()).c_str(), H5P_DEFAULT, H5P_DEFAULT);
                }
                remove_object(file, "weights_order");
                h5::write_strings(file, "weights_order", names);
              }),
              HasSubstr("/weights has more values than the file has bytes"));
}

TEST(TrainingSnapshot, NamesThatTheFileCannotHoldAreNotAllocated) {
  for (const int bits : {40, 60, 61, 62}) {
    EXPECT_THAT(refusal_after([bits](hid_t file) {
                  remove_object(file, "weights_order");
                  const hsize_t rows = hsize_t{1} << bits;
                  const h5::Space space(HIEREVO_H5(H5Screate_simple, 1, &rows, nullptr));
                  const h5::Properties creation(HIEREVO_H5(H5Pcreate, H5P_DATASET_CREATE));
                  const hsize_t chunk = 1024;
                  HIEREVO_H5(H5Pset_chunk, creation, 1, &chunk);
                  h5::Dataset(HIEREVO_H5(H5Dcreate2, file, "weights_order", h5::text_type(), space,
                                         H5P_DEFAULT, creation, H5P_DEFAULT));
                }),
                HasSubstr("/weights_order "))
        << bits;
  }
}

TEST(TrainingSnapshot, EmptyNamesThatPackWellAreNotAllocated) {
  EXPECT_THAT(refusal_after([](hid_t file) {
                const hsize_t rows = hsize_t{1} << 20;
                test::replace_by_packed_zeros(file, "weights_order", h5::text_type(), rows, rows,
                                              rows);
              }),
              HasSubstr("/weights_order has 1048576 texts, more than the file has bytes"));
}

TEST(TrainingSnapshot, NothingLeadsOutOfTheFile) {
  for (const char* name : {"../losses", "/losses", ".", "", "a/b"}) {
    EXPECT_THAT(refusal_after([name](hid_t file) {
                  remove_object(file, "momentum_order");
                  const std::vector<std::string> names = {name};
                  h5::write_strings(file, "momentum_order", names);
                }),
                HasSubstr("a tensor is called"));
  }
  EXPECT_THAT(refusal_after([](hid_t file) {
                remove_object(file, "momentum/stem.0.weight");
                HIEREVO_H5(H5Lcreate_external, "/etc/passwd", "/x", file, "momentum/stem.0.weight",
                           H5P_DEFAULT, H5P_DEFAULT);
              }),
              HasSubstr("is a link to somewhere else"));
}

}  // namespace
}  // namespace hierevo::io
