#include "evaluator_layout.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <cstdlib>
#include <map>
#include <numeric>

#include "hierevo/core/error.hpp"
#include "hierevo/core/random.hpp"

namespace hierevo::app {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

NodeShare node(int local_rank, int local_ranks, std::vector<std::string> devices) {
  NodeShare share;
  share.local_rank = local_rank;
  share.local_ranks = local_ranks;
  share.devices = std::move(devices);
  return share;
}

/// Bound to `count` cores, from `first`, of 64.
NodeShare bound_to(int first, std::size_t count) {
  NodeShare share;
  share.cores.resize(count);
  std::iota(share.cores.begin(), share.cores.end(), first);
  share.cores_of_node = 64;
  return share;
}

std::vector<std::string> devices(const std::vector<EvaluatorPlace>& places) {
  std::vector<std::string> names;
  for (const auto& place : places) names.push_back(place.device);
  return names;
}

std::vector<std::vector<int>> cores(const std::vector<EvaluatorPlace>& places) {
  std::vector<std::vector<int>> all;
  for (const auto& place : places) all.push_back(place.cores);
  return all;
}

TEST(EvaluatorPlaces, DevicesAreDealtOutByLocalRank) {
  EXPECT_THAT(devices(evaluator_places(node(0, 2, {"0", "1"}), 1, 1)), ElementsAre("0"));
  EXPECT_THAT(devices(evaluator_places(node(1, 2, {"0", "1"}), 1, 1)), ElementsAre("1"));
  // More devices than ranks.
  EXPECT_THAT(devices(evaluator_places(node(0, 2, {"4", "5", "6"}), 1, 1)), ElementsAre("4", "6"));
  EXPECT_THAT(devices(evaluator_places(node(1, 2, {"4", "5", "6"}), 1, 1)), ElementsAre("5"));
  EXPECT_THAT(devices(evaluator_places(node(0, 1, {"a", "b"}), 1, 1)), ElementsAre("a", "b"));
  // More ranks than devices, or each sees its own.
  EXPECT_THAT(devices(evaluator_places(node(3, 5, {"0", "1"}), 1, 1)), ElementsAre("1"));
  EXPECT_THAT(devices(evaluator_places(node(4, 5, {"0", "1"}), 1, 1)), ElementsAre("0"));
  EXPECT_THAT(devices(evaluator_places(node(3, 4, {"7"}), 1, 1)), ElementsAre("7"));
}

TEST(EvaluatorPlaces, ARankHasOneAlsoWhereNobodySaysHowManyRanksThereAre) {
  EXPECT_THAT(devices(evaluator_places(node(2, 1, {"0", "1"}), 1, 1)), ElementsAre("0"));
  EXPECT_THAT(devices(evaluator_places(node(3, 1, {"0", "1", "2", "3"}), 1, 1)), ElementsAre("3"));
  EXPECT_THAT(devices(evaluator_places_alone(node(1, 1, {"7"}), 2, 1)), ElementsAre("7", "7"));
}

TEST(EvaluatorPlaces, SeveralShareADevice) {
  EXPECT_THAT(devices(evaluator_places(node(0, 1, {"0", "1"}), 2, 1)),
              ElementsAre("0", "0", "1", "1"));
  EXPECT_THAT(devices(evaluator_places(node(1, 2, {}), 3, 1)), ElementsAre("", "", ""));
}

TEST(EvaluatorPlaces, OfARankAloneAreSoManyInAll) {
  EXPECT_THAT(devices(evaluator_places_alone(node(0, 1, {"0", "1"}), 3, 1)),
              ElementsAre("0", "1", "0"));
  EXPECT_THAT(devices(evaluator_places_alone(node(0, 1, {"0", "1"}), 1, 1)), ElementsAre("0"));
  EXPECT_THAT(devices(evaluator_places_alone(node(0, 1, {}), 2, 1)), ElementsAre("", ""));
}

TEST(EvaluatorPlaces, OfARankWithDevicesOfItsOwnAreOnAllOfThem) {
  NodeShare own = node(1, 2, {"0", "1"});
  own.own_devices = true;
  EXPECT_THAT(devices(evaluator_places(own, 1, 1)), ElementsAre("0", "1"));
  EXPECT_EQ(evaluators_of_node(own, 3), 12);
  own.devices = {};
  EXPECT_THAT(devices(evaluator_places(own, 1, 1)), ElementsAre(""));
  EXPECT_EQ(evaluators_of_node(own, 3), 6);
}

TEST(EvaluatorPlaces, AreCountedForTheWholeNode) {
  EXPECT_EQ(evaluators_of_node(node(0, 3, {}), 2), 6);
  EXPECT_EQ(evaluators_of_node(node(1, 2, {"0", "1", "2", "3"}), 2), 8);
  EXPECT_EQ(evaluators_of_node(node(1, 4, {"0"}), 1), 4);
}

/// The places of all ranks of a node, as each of them finds its own.
std::vector<EvaluatorPlace> places_of_all(const NodeShare& one, int per_device) {
  std::vector<EvaluatorPlace> all;
  for (int rank = 0; rank < one.local_ranks; ++rank) {
    NodeShare its = one;
    its.local_rank = rank;
    const auto places = evaluator_places(its, per_device, 1);
    EXPECT_TRUE(!places.empty() || (rank == 0 && one.evaluators_of_rank_0 == 0));
    all.insert(all.end(), places.begin(), places.end());
  }
  return all;
}

TEST(EvaluatorPlaces, KnowHowManyShareTheirDevice) {
  core::RandomStream random(21);
  int shared_by_ranks = 0;
  for (int i = 0; i < 2000; ++i) {
    const int ranks = 1 + static_cast<int>(random.below(9));
    NodeShare one = node(0, ranks, {});
    const auto count = random.below(9);
    for (std::uint64_t k = 0; k < count; ++k) one.devices.push_back(std::to_string(k + 3));
    if (random.below(2) == 0) one.evaluators_of_rank_0 = static_cast<int>(random.below(2));
    const int per_device = 1 + static_cast<int>(random.below(8));
    const auto all = places_of_all(one, per_device);
    std::map<std::string, int> on_device;
    for (const EvaluatorPlace& place : all) ++on_device[place.device];
    for (const EvaluatorPlace& place : all) ASSERT_EQ(place.sharing, on_device[place.device]);
    ASSERT_EQ(evaluators_of_node(one, per_device), static_cast<int>(all.size()));
    shared_by_ranks += count > 0 && ranks > static_cast<int>(count) ? 1 : 0;
  }
  EXPECT_GT(shared_by_ranks, 200);
}

TEST(EvaluatorPlaces, OfRanksAloneKnowIt) {
  core::RandomStream random(22);
  for (int i = 0; i < 500; ++i) {
    NodeShare one = node(0, 1, {});
    for (auto k = random.below(6); k > 0; --k) one.devices.push_back(std::to_string(k));
    const auto places = evaluator_places_alone(one, 1 + static_cast<int>(random.below(20)), 1);
    std::map<std::string, int> on_device;
    for (const EvaluatorPlace& place : places) ++on_device[place.device];
    for (const EvaluatorPlace& place : places) ASSERT_EQ(place.sharing, on_device[place.device]);
  }
}

// Four GPUs, and on the first node one rank more, which coordinates.
TEST(EvaluatorPlaces, ShareNothingWithARankThatOnlyCoordinates) {
  NodeShare first = node(4, 5, {"0", "1", "2", "3"});
  EXPECT_EQ(evaluator_places(first, 2, 1).at(0).sharing, 4);
  first.evaluators_of_rank_0 = 0;
  EXPECT_EQ(evaluator_places(first, 2, 1).at(0).sharing, 2);
  first.evaluators_of_rank_0 = 1;
  EXPECT_EQ(evaluator_places(first, 2, 1).at(0).sharing, 3);
  // Each rank has a GPU of its own, under the same number.
  first.own_devices = true;
  first.devices = {"0"};
  EXPECT_EQ(evaluator_places(first, 2, 1).at(0).sharing, 2);
  first.devices = {};
  EXPECT_EQ(evaluator_places(first, 2, 1).at(0).sharing, 9) << "cores are all ranks'";
}

TEST(EvaluatorPlaces, DivideTheCoresThatTheRankIsBoundTo) {
  EXPECT_THAT(cores(evaluator_places(bound_to(8, 4), 2, 2)),
              ElementsAre(ElementsAre(8, 9), ElementsAre(10, 11)));
  EXPECT_THAT(cores(evaluator_places(bound_to(0, 5), 2, 2)),
              ElementsAre(ElementsAre(0, 1), ElementsAre(2, 3, 4)));
  EXPECT_THAT(cores(evaluator_places_alone(bound_to(3, 3), 3, 1)),
              ElementsAre(ElementsAre(3), ElementsAre(4), ElementsAre(5)));
  NodeShare two_devices = bound_to(0, 4);
  two_devices.devices = {"0", "1"};
  EXPECT_THAT(cores(evaluator_places_alone(two_devices, 2, 2)),
              ElementsAre(ElementsAre(0, 1), ElementsAre(2, 3)));
}

TEST(EvaluatorPlaces, AreNotBoundWhereThatHelpsNobody) {
  // The threads would not fit.
  EXPECT_THAT(cores(evaluator_places(bound_to(0, 4), 2, 3)), ElementsAre(IsEmpty(), IsEmpty()));
  EXPECT_THAT(cores(evaluator_places(bound_to(0, 1), 2, 1)), ElementsAre(IsEmpty(), IsEmpty()));
  // The whole node is the rank's, or nobody knows.
  EXPECT_THAT(cores(evaluator_places(bound_to(0, 64), 2, 1)), ElementsAre(IsEmpty(), IsEmpty()));
  EXPECT_THAT(cores(evaluator_places(bound_to(0, 0), 1, 1)), ElementsAre(IsEmpty()));
}

TEST(PlaceText, SaysHowManyShareAGpu) {
  NodeShare one = node(0, 1, {"0", "1"});
  one.cores = {0, 1, 2};
  const auto text = [&](int per_device) {
    return place_text(evaluator_places(one, per_device, 1), one);
  };
  EXPECT_EQ(text(1), "GPUs 0 1");
  EXPECT_EQ(text(4), "GPUs 0 1 (4 evaluators on each, without MPS)");
  one.mps = true;
  EXPECT_EQ(text(1), "GPUs 0 1");
  EXPECT_EQ(text(4), "GPUs 0 1 (4 evaluators on each, under MPS)");
  EXPECT_EQ(place_text(evaluator_places_alone(one, 5, 1), one),
            "GPUs 0 1 (2 to 3 evaluators on each, under MPS)");
  one.devices = {};
  EXPECT_EQ(text(4), "any of 3 cores");
}

TEST(AdviceOfMps, IsForThoseWhoShareAGpuWithoutIt) {
  NodeShare one = node(0, 3, {"0"});
  const auto advice = [&](int per_device) {
    return advice_of_mps(evaluator_places(one, per_device, 1), one);
  };
  EXPECT_EQ(advice(1),
            "3 evaluators share a GPU without NVIDIA's MPS (their kernels take turns instead of "
            "running side by side). Start nvidia-cuda-mps-control -d on each node first: "
            "docs/gpus.md.");
  one.mps = true;
  EXPECT_EQ(advice(1), "");
  one.mps = false;
  one.local_ranks = 1;
  EXPECT_EQ(advice(1), "");
  EXPECT_NE(advice(2), "");
  one.devices = {};
  EXPECT_EQ(advice(2), "");
}

TEST(NodeShare, SeesTheDevicesThatItIsShown) {
  const auto shown = [](const char* variable) {
    ::setenv("CUDA_VISIBLE_DEVICES", variable, 1);
    return NodeShare::here().devices;
  };
  EXPECT_THAT(shown("2,3"), ElementsAre("2", "3"));
  EXPECT_THAT(shown("GPU-8932f937,MIG-7"), ElementsAre("GPU-8932f937", "MIG-7"));
  EXPECT_THAT(shown(""), IsEmpty());
  EXPECT_THAT(shown("-1"), IsEmpty());
  EXPECT_THAT(shown("NoDevFiles"), IsEmpty());
  EXPECT_THAT(shown("1,-1,2"), ElementsAre("1"));  // as CUDA reads it
}

TEST(NodeShare, IsToldWhetherDevicesAreItsOwn) {
  const auto told = [](const char* variable) {
    ::setenv("HIEREVO_DEVICES", variable, 1);
    return NodeShare::here().own_devices;
  };
  EXPECT_TRUE(told("own"));
  EXPECT_FALSE(told("shared"));
  EXPECT_THROW(told("mine"), core::UsageError);
  EXPECT_FALSE(told(""));
  ::unsetenv("HIEREVO_DEVICES");
  EXPECT_FALSE(NodeShare::here().own_devices);
}

TEST(NodeShare, KnowsItsRanksAndCores) {
  ::setenv("OMPI_COMM_WORLD_LOCAL_RANK", "2", 1);
  ::setenv("OMPI_COMM_WORLD_LOCAL_SIZE", "4", 1);
  const NodeShare here = NodeShare::here();
  EXPECT_EQ(here.local_rank, 2);
  EXPECT_EQ(here.local_ranks, 4);
  EXPECT_FALSE(here.cores.empty());
  EXPECT_GE(here.cores_of_node, 1);
}

}  // namespace
}  // namespace hierevo::app
