// Files that are complete and valid HDF5, but were not written by hierevo: each must be refused
// with a sentence about what is wrong, or read correctly.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <cstring>
#include <functional>
#include <limits>

#include "checksummed_header.hpp"
#include "edited.hpp"
#include "h5.hpp"
#include "hierevo/core/error.hpp"
#include "hierevo/core/file.hpp"
#include "samples.hpp"
#include "support/scratch_folder.hpp"

namespace hierevo::io {
namespace {

using Bytes = std::vector<std::byte>;
using test::remove_object;
using testing::HasSubstr;

constexpr std::size_t individuals = 20;

Snapshot original() {
  Snapshot snapshot = test::random_snapshot(21, "hierarchical", individuals, 2);
  snapshot.options.objectives = evolution::objectives_of("fitness,-parameters");
  // Short ones, so that the long ones of the tests are easy to tell.
  for (auto& individual : snapshot.state.history) individual.evaluation.reason = "why";
  return snapshot;
}

/// The original's file after `edit`, with a valid checksum.
Bytes edited(const std::function<void(hid_t file)>& edit) {
  return test::edited(encode_snapshot(original()), snapshot_kind, edit);
}

/// The message of decoding the original after `edit`.
std::string refusal(const std::function<void(hid_t file)>& edit) {
  const Bytes bytes = edited(edit);
  try {
    decode_snapshot(bytes, "RUN/search.h5");
    return "accepted";
  } catch (const core::CheckpointError& error) {
    return error.what();
  }
}

/// Replaces a vector by other values.
template <typename T>
void replace(hid_t file, const char* path, const std::vector<T>& values) {
  remove_object(file, path);
  h5::write_vector<T>(file, path, values);
}

template <typename T>
std::function<void(hid_t)> with_vector(const char* path, std::vector<T> values) {
  return [=](hid_t file) { replace(file, path, values); };
}

/// Changes one value of a vector in place.
template <typename T>
std::function<void(hid_t)> with_value(const char* path, std::size_t index, T value) {
  return [=](hid_t file) {
    auto values = h5::read_vector<T>(file, path);
    values.at(index) = value;
    replace(file, path, values);
  };
}

template <typename T>
std::function<void(hid_t)> with_attribute(const char* object, const char* name, T value) {
  return [=](hid_t file) {
    HIEREVO_H5(H5Adelete_by_name, file, object, name, H5P_DEFAULT);
    const h5::Group group(HIEREVO_H5(H5Gopen2, file, object, H5P_DEFAULT));
    if constexpr (std::is_convertible_v<T, std::string_view>) {
      h5::write_text_attribute(group, name, value);
    } else {
      h5::write_attribute<T>(group, name, value);
    }
  };
}

std::function<void(hid_t)> without(const char* path) {
  return [=](hid_t file) { remove_object(file, path); };
}

/// Replaces a dataset by one without any values.
std::function<void(hid_t)> with_empty_shape(const char* path, hid_t type,
                                            std::vector<hsize_t> shape, std::vector<hsize_t> chunk,
                                            bool deflate) {
  return [=](hid_t file) {
    remove_object(file, path);
    const h5::Space space(
        HIEREVO_H5(H5Screate_simple, static_cast<int>(shape.size()), shape.data(), nullptr));
    const h5::Properties creation(HIEREVO_H5(H5Pcreate, H5P_DATASET_CREATE));
    HIEREVO_H5(H5Pset_chunk, creation, static_cast<int>(chunk.size()), chunk.data());
    if (deflate) HIEREVO_H5(H5Pset_deflate, creation, 1);
    h5::Dataset(
        HIEREVO_H5(H5Dcreate2, file, path, type, space, H5P_DEFAULT, creation, H5P_DEFAULT));
  };
}

TEST(Hostile, UntouchedIsAccepted) {
  EXPECT_EQ(refusal([](hid_t) {}), "accepted");
}

TEST(Hostile, OtherFormatsAndVersions) {
  EXPECT_THAT(refusal(with_attribute("/", "format", "hierevo.weights")),
              HasSubstr("its format is 'hierevo.weights' instead of 'hierevo.search'"));
  EXPECT_THAT(refusal([](hid_t file) { HIEREVO_H5(H5Adelete, file, "format"); }),
              HasSubstr("attribute 'format' of / is missing"));
  EXPECT_THAT(refusal(with_attribute<std::uint32_t>("/", "version", 0)), HasSubstr("version 0"));
  EXPECT_THAT(refusal(with_attribute<std::int64_t>("/", "version", 1)),
              HasSubstr("64-bit signed integer instead of 32-bit unsigned integer"));
}

TEST(Hostile, ANewerVersionNamesItsWriter) {
  const Bytes bytes = edited([](hid_t file) {
    with_attribute<std::uint32_t>("/", "version", 3)(file);
    with_attribute("/", "program", "9.9.9")(file);
    remove_object(file, "individuals");  // whatever it holds
  });
  try {
    decode_snapshot(bytes, "RUN/search.h5");
    FAIL();
  } catch (const core::CheckpointError& error) {
    EXPECT_THAT(error.what(), HasSubstr("'RUN/search.h5': it was written by hierevo 9.9.9"));
    EXPECT_THAT(error.what(), HasSubstr("Use hierevo 9.9.9 or newer."));
  }
}

TEST(Hostile, ANewerVersionIsNotPassedOver) {
  const hierevo::test::ScratchFolder folder;
  const auto path = folder.path() / "search.h5";
  save_snapshot(original(), path);
  save_snapshot(original(), path);
  core::replace_file(path, edited(with_attribute<std::uint32_t>("/", "version", 3)));
  EXPECT_THROW(load_snapshot(path), NewerVersionError);
}

TEST(Hostile, ImpossibleOptions) {
  EXPECT_THAT(refusal(with_attribute("/", "objectives", "fitness,-fitness")),
              HasSubstr("objectives is 'fitness,-fitness' ('fitness' is there twice)"));
  EXPECT_THAT(refusal(with_attribute("/", "objectives", "")), HasSubstr("objectives is ''"));
  EXPECT_THAT(refusal(with_attribute<std::uint32_t>("/", "objectives", 1)),
              HasSubstr("attribute 'objectives' of / has a wrong type"));
  EXPECT_THAT(refusal(with_attribute("/", "space", "99x99")), HasSubstr("99 motifs of 99 nodes"));
  EXPECT_THAT(refusal(with_attribute<std::int64_t>("/", "space", 3)),
              HasSubstr("attribute 'space' of / has a wrong type"));
  EXPECT_THAT(refusal(with_attribute("/", "algorithm", "evolutoin")), HasSubstr("evolution"));
  EXPECT_THAT(refusal(with_attribute<std::uint64_t>("/", "population", 1)),
              HasSubstr("population is 1 ("));
  EXPECT_THAT(refusal(with_attribute<std::uint64_t>("/", "evaluations", 0)),
              HasSubstr("evaluations is 0 ("));
  const double nan = std::numeric_limits<double>::quiet_NaN();
  EXPECT_THAT(refusal(with_attribute<double>("/", "tournament", nan)),
              HasSubstr("tournament is nan ("));
  EXPECT_THAT(refusal(with_attribute<std::int32_t>("/", "start_mutations", -1)),
              HasSubstr("start_mutations is -1"));
  EXPECT_THAT(refusal(with_attribute("/", "space", "flat")), HasSubstr("46 genes"));
  EXPECT_THAT(refusal(with_attribute("/", "space", std::string(2'000'000, '9'))),
              HasSubstr("attribute 'space' of / is longer than 1048576 bytes"));
}

TEST(Hostile, MembersThatAreMissing) {
  for (const char* path : {"/individuals",
                           "/in_flight",
                           "/progress",
                           "/individuals/id",
                           "/individuals/parent",
                           "/individuals/seed",
                           "/individuals/genotype",
                           "/individuals/status",
                           "/individuals/fitness",
                           "/individuals/repeat_fitness",
                           "/individuals/repeat_fitness_count",
                           "/individuals/repeat_loss",
                           "/individuals/repeat_loss_count",
                           "/individuals/seconds",
                           "/individuals/parameters",
                           "/individuals/macs",
                           "/individuals/phenotype",
                           "/individuals/worker",
                           "/individuals/reason",
                           "/in_flight/id",
                           "/in_flight/genotype"}) {
    EXPECT_THAT(refusal(without(path)), HasSubstr(std::string(path) + " is missing"));
  }
  EXPECT_THAT(refusal([](hid_t file) {
                HIEREVO_H5(H5Adelete_by_name, file, "progress", "state", H5P_DEFAULT);
              }),
              HasSubstr("attribute 'state' of /progress is missing"));
}

TEST(Hostile, MembersOfAnotherKind) {
  EXPECT_THAT(refusal([](hid_t file) {
                remove_object(file, "in_flight");
                h5::write_vector<double>(file, "in_flight", {});
              }),
              HasSubstr("HDF5 refuses H5Gopen2"));
  EXPECT_THAT(refusal([](hid_t file) {
                remove_object(file, "individuals/fitness");
                h5::create_group(file, "individuals/fitness");
              }),
              HasSubstr("HDF5 refuses H5Dopen2"));
}

TEST(Hostile, WrongTypes) {
  EXPECT_THAT(refusal(with_vector<double>("/individuals/id", std::vector<double>(individuals, 1))),
              HasSubstr("/individuals/id has a wrong type (64-bit floating-point number"));
  EXPECT_THAT(refusal(with_vector<std::int64_t>("/individuals/id",
                                                std::vector<std::int64_t>(individuals, 1))),
              HasSubstr("64-bit signed integer instead of 64-bit unsigned integer"));
  EXPECT_THAT(refusal(with_vector<std::uint8_t>("/individuals/status",
                                                std::vector<std::uint8_t>(individuals))),
              HasSubstr("/individuals/status has a wrong type (not an enumeration"));
  EXPECT_THAT(refusal(with_vector<std::uint8_t>("/individuals/reason", {1, 2})),
              HasSubstr("instead of text of variable length"));
  EXPECT_THAT(
      refusal(with_empty_shape("/individuals/fitness", H5T_IEEE_F32LE, {individuals}, {1}, false)),
      HasSubstr("32-bit floating-point number instead of 64-bit"));
}

TEST(Hostile, WrongShapes) {
  EXPECT_THAT(refusal(with_vector<double>("/individuals/seconds", {1.0})),
              HasSubstr("/individuals/seconds has 1 rows instead of 20"));
  EXPECT_THAT(refusal([](hid_t file) {
                remove_object(file, "individuals/id");
                h5::write_matrix<std::uint64_t>(file, "individuals/id", {2, 1, {1, 2}});
              }),
              HasSubstr("/individuals/id has a wrong number of dimensions"));
  EXPECT_THAT(refusal([](hid_t file) {
                remove_object(file, "individuals/genotype");
                h5::write_matrix<std::uint8_t>(
                    file, "individuals/genotype",
                    {individuals, 3, std::vector<std::uint8_t>(3 * individuals)});
              }),
              HasSubstr("A genotype of 3 genes does not fit the space hierarchical"));
  EXPECT_THAT(refusal([](hid_t file) {
                const h5::Space null(HIEREVO_H5(H5Screate, H5S_NULL));
                remove_object(file, "individuals/id");
                h5::Dataset(HIEREVO_H5(H5Dcreate2, file, "individuals/id", H5T_STD_U64LE, null,
                                       H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT));
              }),
              HasSubstr("wrong number of dimensions"));
}

TEST(Hostile, ShapesThatTheFileCannotHold) {
  for (const bool deflate : {false, true}) {
    EXPECT_THAT(refusal(with_empty_shape("/individuals/id", H5T_STD_U64LE, {hsize_t{1} << 40},
                                         {1024}, deflate)),
                HasSubstr("has a shape of 8796093022208 bytes but only 0 stored ones"));
  }
  EXPECT_THAT(
      refusal(with_empty_shape("/individuals/id", H5T_STD_U64LE, {hsize_t{1} << 62}, {8}, false)),
      HasSubstr("/individuals/id is too large"));
  EXPECT_THAT(refusal(with_empty_shape("/individuals/genotype", H5T_STD_U8LE,
                                       {individuals, hsize_t{1} << 60}, {1, 8}, true)),
              HasSubstr("/individuals/genotype is too large"));
  EXPECT_THAT(refusal(with_empty_shape("/individuals/id", H5T_STD_U64LE, {hsize_t{1} << 40},
                                       {hsize_t{1} << 28}, true)),
              HasSubstr("/individuals/id has chunks that are too large"));
}

TEST(Hostile, ValuesThatCannotBe) {
  using U64 = std::uint64_t;
  EXPECT_THAT(refusal(with_value<U64>("/individuals/id", 3, 0)), HasSubstr("candidate 0"));
  EXPECT_THAT(refusal(with_value<U64>("/individuals/id", 3, 1'000'000)), HasSubstr("1000000"));
  EXPECT_THAT(refusal([](hid_t file) {
                const auto ids = h5::read_vector<U64>(file, "individuals/id");
                with_value<U64>("/individuals/id", 3, ids[4])(file);
              }),
              HasSubstr("is there twice"));
  EXPECT_THAT(refusal([](hid_t file) {
                const auto ids = h5::read_vector<U64>(file, "individuals/id");
                with_value<U64>("/in_flight/id", 0, ids[4])(file);
              }),
              HasSubstr("is there twice"));
  EXPECT_THAT(refusal(with_value<U64>("/individuals/parent", 3, 77)),
              HasSubstr("has the parent 77, which does not come before it"));
  EXPECT_THAT(refusal([](hid_t file) {
                const auto ids = h5::read_vector<U64>(file, "individuals/id");
                with_value<U64>("/individuals/parent", 5, ids[5])(file);
              }),
              HasSubstr("which does not come before it"));
  for (const double fitness :
       {std::numeric_limits<double>::quiet_NaN(), std::numeric_limits<double>::infinity()}) {
    EXPECT_THAT(refusal(with_value<double>("/individuals/fitness", 2, fitness)),
                HasSubstr("row 2 has no finite fitness"));
  }
  EXPECT_THAT(refusal(with_value<std::uint32_t>("/individuals/repeat_loss_count", 1, 5)),
              HasSubstr("repeat_loss_count says 5 runs in row 1"));
  EXPECT_THAT(refusal([](hid_t file) {
                auto genotypes =
                    h5::read_matrix<std::uint8_t>(file, "individuals/genotype", individuals);
                genotypes.values[2 * genotypes.columns] = 7;
                remove_object(file, "individuals/genotype");
                h5::write_matrix(file, "individuals/genotype", genotypes);
              }),
              HasSubstr("Gene 1 of the genotype is 7"));
}

TEST(Hostile, Statuses) {
  const auto with_names = [](std::vector<std::string_view> names, std::uint8_t value) {
    return [=](hid_t file) {
      remove_object(file, "individuals/status");
      h5::write_enums(file, "individuals/status", std::vector<std::uint8_t>(individuals, value),
                      names);
    };
  };
  const auto known = status_names();
  std::vector<std::string_view> names(known.begin(), known.end());
  EXPECT_EQ(refusal(with_names(names, 1)), "accepted");
  names.emplace_back("lost_in_space");
  EXPECT_EQ(refusal(with_names(names, 8)), "accepted");
  EXPECT_THAT(refusal(with_names(names, 9)), HasSubstr("row 0 has the unknown status 9"));
  std::swap(names[0], names[4]);
  EXPECT_THAT(refusal(with_names(names, 0)),
              HasSubstr("/individuals/status does not call its value 0 'evaluated'"));
}

TEST(Hostile, NothingLeadsOutOfTheFile) {
  const hierevo::test::ScratchFolder folder;
  const std::string other = (folder.path() / "other.h5").string();
  core::replace_file(other, encode_snapshot(original()));
  EXPECT_THAT(refusal([&](hid_t file) {
                remove_object(file, "individuals");
                HIEREVO_H5(H5Lcreate_external, other.c_str(), "individuals", file, "individuals",
                           H5P_DEFAULT, H5P_DEFAULT);
              }),
              HasSubstr("/individuals is a link to somewhere else"));
  EXPECT_THAT(refusal([&](hid_t file) {
                remove_object(file, "individuals/seconds");
                const h5::Properties creation(HIEREVO_H5(H5Pcreate, H5P_DATASET_CREATE));
                HIEREVO_H5(H5Pset_external, creation, other.c_str(), 0, 8 * individuals);
                const hsize_t rows = individuals;
                const h5::Space space(HIEREVO_H5(H5Screate_simple, 1, &rows, nullptr));
                h5::Dataset(HIEREVO_H5(H5Dcreate2, file, "individuals/seconds", H5T_IEEE_F64LE,
                                       space, H5P_DEFAULT, creation, H5P_DEFAULT));
              }),
              HasSubstr("/individuals/seconds lies in other files"));
  EXPECT_THAT(refusal([&](hid_t file) {
                remove_object(file, "individuals/seconds");
                const hsize_t rows = individuals;
                const h5::Space space(HIEREVO_H5(H5Screate_simple, 1, &rows, nullptr));
                const h5::Properties creation(HIEREVO_H5(H5Pcreate, H5P_DATASET_CREATE));
                HIEREVO_H5(H5Pset_virtual, creation, space, other.c_str(), "individuals/seconds",
                           space);
                h5::Dataset(HIEREVO_H5(H5Dcreate2, file, "individuals/seconds", H5T_IEEE_F64LE,
                                       space, H5P_DEFAULT, creation, H5P_DEFAULT));
              }),
              HasSubstr("/individuals/seconds lies in other files"));
}

TEST(Hostile, OneLongTextReferredToManyTimesIsNotMultiplied) {
  haddr_t offset = HADDR_UNDEF;
  Bytes bytes = edited([&](hid_t file) {
    remove_object(file, "individuals/reason");
    std::vector<std::string> reasons(individuals, "short");
    reasons[0] = std::string(1'000'000, 'x');
    const h5::Dataset dataset = h5::write_strings(file, "individuals/reason", reasons);
    HIEREVO_H5(H5Fflush, file, H5F_SCOPE_LOCAL);
    offset = H5Dget_offset(dataset);
  });
  ASSERT_NE(offset, HADDR_UNDEF);
  ASSERT_NO_THROW(decode_snapshot(bytes, "memory"));
  constexpr std::size_t reference_size = 16;
  ASSERT_LE(offset + individuals * reference_size, bytes.size());
  for (std::size_t i = 1; i < individuals; ++i) {
    std::memcpy(&bytes[offset + i * reference_size], &bytes[offset], reference_size);
  }
  try {
    decode_snapshot(with_checksummed_header(std::span(bytes).subspan(block_size), snapshot_kind),
                    "memory");
    FAIL() << "20 MB were read from a file of 1 MB";
  } catch (const core::CheckpointError& error) {
    EXPECT_THAT(error.what(), HasSubstr("HDF5 refuses H5Dread"));
  }
}

/// Rewrites a vector of numbers in another byte order, in compressed chunks.
void rewrite_otherwise(hid_t file, const char* path) {
  const auto values = h5::read_vector<double>(file, path);
  remove_object(file, path);
  const hsize_t rows = values.size();
  const hsize_t chunk = 7;
  const h5::Space space(HIEREVO_H5(H5Screate_simple, 1, &rows, nullptr));
  const h5::Properties creation(HIEREVO_H5(H5Pcreate, H5P_DATASET_CREATE));
  HIEREVO_H5(H5Pset_chunk, creation, 1, &chunk);
  HIEREVO_H5(H5Pset_shuffle, creation);
  HIEREVO_H5(H5Pset_deflate, creation, 6);
  const h5::Dataset dataset(HIEREVO_H5(H5Dcreate2, file, path, H5T_IEEE_F64BE, space, H5P_DEFAULT,
                                       creation, H5P_DEFAULT));
  HIEREVO_H5(H5Dwrite, dataset, H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, values.data());
}

TEST(Hostile, WhatIsAllowedIsReadTheSame) {
  const Bytes bytes = edited([](hid_t file) {
    rewrite_otherwise(file, "individuals/fitness");
    h5::write_attribute<double>(file, "unknown", 1.0);
    h5::write_text_attribute(file, "comment", "seen");
    h5::create_group(file, "unknown_group");
    h5::write_vector<double>(file, "individuals/unknown", std::vector<double>(3, 1.0));
  });
  std::string where;
  EXPECT_TRUE(test::same(decode_snapshot(bytes, "memory"), original(), &where)) << where;
}

TEST(HostileSnapshot, RefusesMetricsThatCannotBe) {
  const auto with = [](std::vector<std::string> names, std::vector<std::uint64_t> individual,
                       std::vector<std::uint32_t> name, std::vector<double> value) {
    return refusal([&](hid_t file) {
      remove_object(file, "individuals/metrics");
      const h5::Group group = h5::create_group(file, "individuals/metrics");
      h5::write_strings(group, "names", names);
      h5::write_vector<std::uint64_t>(group, "individual", individual);
      h5::write_vector<std::uint32_t>(group, "name", name);
      h5::write_vector<double>(group, "value", value);
    });
  };
  EXPECT_EQ(with({"a", "b"}, {0, 19}, {1, 0}, {1.0, 2.0}), "accepted");
  EXPECT_EQ(with({"b", "a"}, {19, 0}, {1, 0}, {1.0, 2.0}), "accepted");
  EXPECT_THAT(with({"a"}, {20}, {0}, {1.0}), HasSubstr("that does not exist"));
  EXPECT_THAT(with({"a"}, {0}, {1}, {1.0}), HasSubstr("that does not exist"));
  EXPECT_THAT(with({"a"}, {3, 3}, {0, 0}, {1.0, 2.0}), HasSubstr("row 3 has the metric 'a' twice"));
  EXPECT_THAT(with({"a", "a"}, {3, 3}, {0, 1}, {1.0, 2.0}), HasSubstr("twice"));
  EXPECT_THAT(with({"a b"}, {3}, {0}, {1.0}), HasSubstr("row 3 has a metric named 'a b'"));
  EXPECT_THAT(with({"macs"}, {3}, {0}, {1.0}), HasSubstr("row 3 has a metric named 'macs'"));
  EXPECT_THAT(with({"a"}, {3}, {0}, {std::numeric_limits<double>::quiet_NaN()}),
              HasSubstr("a metric 'a' of nan"));
  EXPECT_THAT(with({"a"}, {3, 4}, {0}, {1.0}), HasSubstr("has 1 rows instead of 2"));
}

}  // namespace
}  // namespace hierevo::io
