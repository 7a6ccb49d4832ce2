#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "hierevo/core/error.hpp"
#include "job_options.hpp"
#include "settings.hpp"
#include "text.hpp"

namespace hierevo::spank {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;
using testing::SizeIs;

template <typename Work>
std::string refusal_of(Work work) {
  try {
    work();
  } catch (const core::UsageError& error) {
    return error.what();
  }
  return "was accepted";
}

std::string refused_stage(const std::string& text) {
  return refusal_of([&] { parse_stage(text); });
}

TEST(StageOption, NamesTheCopyAfterItsSource) {
  for (const char* text : {"/data/cifar10", "/data/cifar10/", "/data/cifar10//"}) {
    EXPECT_EQ(parse_stage(text).name, "cifar10") << text;
  }
  EXPECT_EQ(parse_stage("/data/cifar10/").source, "/data/cifar10/");
  EXPECT_EQ(parse_stage("/pack.h5").name, "pack.h5");
}

TEST(StageOption, TakesANameBehindTheLastColon) {
  const StageRequest request = parse_stage("/data/a:b/c d:x y");
  EXPECT_EQ(request.source, "/data/a:b/c d");
  EXPECT_EQ(request.name, "x y");
  EXPECT_EQ(parse_stage("/:all").name, "all");
  EXPECT_EQ(parse_stage("/x:" + std::string(255, 'n')).name, std::string(255, 'n'));
}

TEST(StageOption, RefusesWhatIsNoPathOrName) {
  EXPECT_THAT(refused_stage(""), HasSubstr("absolute path"));
  EXPECT_THAT(refused_stage("data"), HasSubstr("absolute path"));
  EXPECT_THAT(refused_stage(":x"), HasSubstr("absolute path"));
  for (const char* text : {"/", "/data/..", "/data/.", "/x:", "/x:.", "/x:..", "/x:.partial"}) {
    EXPECT_THAT(refused_stage(text), HasSubstr("would be empty, or begin with a '.'")) << text;
  }
  EXPECT_THAT(refused_stage("/a:b/c"), HasSubstr("has a '/'"));
  EXPECT_THAT(refused_stage("/x:../../etc"), HasSubstr("begin with a '.'"));
  EXPECT_THAT(refused_stage("/x:a/../b"), HasSubstr("has a '/'"));
}

TEST(StageOption, RefusesHostileTextsWithoutRepeatingThem) {
  for (const char* text : {"/a\nb", "/x:a\nb", "/x:\x1b[2J", "/x:a\x7f"}) {
    EXPECT_THAT(refused_stage(text), AllOf(HasSubstr("control characters"), Not(HasSubstr("\n")),
                                           Not(HasSubstr("\x1b"))));
  }
  for (const std::string& text : {"/x:" + std::string(10'000, 'n'), "/" + std::string(10'000, 's'),
                                  "/x:" + std::string(256, 'n')}) {
    EXPECT_THAT(refused_stage(text), AllOf(HasSubstr("characters"), SizeIs(testing::Lt(300u))));
  }
}

TEST(EvaluatorsOption, IsANumberFrom1To64) {
  EXPECT_EQ(parse_evaluators("1"), 1);
  EXPECT_EQ(parse_evaluators("64"), 64);
  for (const char* text : {"", "0", "65", "-1", "2x", "2.5", " 2", "99999999999999999999"}) {
    EXPECT_THAT(refusal_of([&] { parse_evaluators(text); }), HasSubstr("Give 1 to 64.")) << text;
  }
}

TEST(DevicesOption, IsSharedOrOwn) {
  EXPECT_EQ(parse_devices("shared"), "shared");
  EXPECT_EQ(parse_devices("own"), "own");
  EXPECT_EQ(refusal_of([&] { parse_devices("owm"); }),
            "There is no value of --hierevo-devices 'owm'. Did you mean 'own'?");
}

Settings read(std::vector<const char*> arguments) {
  return parse_settings(arguments);
}

TEST(Settings, AreReadFromPlugstackConf) {
  const Settings settings = read({"limit=1.5K", "folder=/local/hierevo"});
  EXPECT_EQ(settings.folder, "/local/hierevo");
  EXPECT_EQ(settings.limit, 1536u);
  EXPECT_EQ(settings.removal_limit, std::chrono::minutes(10));
  EXPECT_EQ(read({"removal-seconds=5"}).removal_limit, std::chrono::seconds(5));
  EXPECT_EQ(read({}).folder, "");
  EXPECT_EQ(read({"limit=2T"}).limit, std::uint64_t{2} << 40);
}

TEST(Settings, RefusesWhatIsUnknown) {
  EXPECT_EQ(refusal_of([] { read({"foldr=/x"}); }),
            "There is no setting in plugstack.conf 'foldr'. Did you mean 'folder'?");
  EXPECT_THAT(refusal_of([] { read({""}); }), HasSubstr("Known: folder, limit, removal-seconds."));
  for (const char* folder : {"folder", "folder=", "folder=x", "folder=/", "folder=/a/",
                             "folder=/a/..", "folder=/a/../b", "folder=/a//b"}) {
    EXPECT_THAT(refusal_of([&] { read({folder}); }), HasSubstr("absolute path")) << folder;
  }
  for (const char* limit : {"limit=", "limit=x", "limit=0", "limit=-1", "limit=2Q", "limit=2GB",
                            "limit=inf", "limit=nan", "limit=1e40"}) {
    EXPECT_THAT(refusal_of([&] { read({limit}); }), HasSubstr("number of bytes")) << limit;
  }
}

TEST(Settings, RefusesTimesThatAreNone) {
  for (const char* time : {"removal-seconds", "removal-seconds=", "removal-seconds=0",
                           "removal-seconds=1.5", "removal-seconds=-1", "removal-seconds=10m",
                           "removal-seconds=86401", "removal-seconds=99999999999"}) {
    EXPECT_THAT(refusal_of([&] { read({time}); }), HasSubstr("number of seconds")) << time;
  }
}

TEST(SizeText, HasAUnit) {
  EXPECT_EQ(size_text(0), "0 bytes");
  EXPECT_EQ(size_text(1023), "1023 bytes");
  EXPECT_EQ(size_text(1536), "1.5 KiB");
  EXPECT_EQ(size_text(std::uint64_t{5} << 40), "5.0 TiB");
}

}  // namespace
}  // namespace hierevo::spank
