// What is recorded as an INI file is read back as it was.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "hierevo/core/file.hpp"
#include "hierevo/core/random.hpp"
#include "ini_text.hpp"
#include "option_set.hpp"
#include "renamed_options.hpp"
#include "support/refusal.hpp"
#include "support/scratch_folder.hpp"

namespace hierevo::app {
namespace {

std::string value_read(const std::string& text) {
  const auto lines = read_ini(text, "x.ini");
  return lines.size() == 1 && lines[0].name == "name" ? lines[0].value : "<no option>";
}

/// Mostly of what means something in an INI file, else any byte that a name may have.
std::string any_value(core::RandomStream& random) {
  constexpr std::string_view special = "\"\\#=\n\r\t nr'[]";
  std::string value;
  for (std::uint64_t left = random.below(8); left > 0; --left) {
    value += random.below(4) > 0 ? special[random.below(special.size())]
                                 : static_cast<char>(1 + random.below(255));
  }
  return random.below(4) == 0 ? '"' + value + '"' : value;
}

TEST(IniText, ALineIsReadAsTheValueItWasMadeOf) {
  core::RandomStream random(1);
  for (int round = 0; round < 20'000; ++round) {
    const std::string value = any_value(random);
    const std::string line = ini_line("name", value);
    ASSERT_EQ(value_read(line), value) << line;
    ASSERT_EQ(line.find('\n'), line.size() - 1) << "not one line: " << line;
  }
}

TEST(IniText, OnlyWhatNeedsItStandsInQuotes) {
  for (const char* value :
       {"", "a b", "a=b", "'a'", R"("a")", R"("a b" --c "d")", R"(a\n)", R"(")"}) {
    EXPECT_EQ(ini_line("name", value), std::string("name=") + value + "\n");
  }
  EXPECT_EQ(ini_line("name", "exp#3"), "name=\"exp#3\"\n");
  EXPECT_EQ(ini_line("name", " a\n\"\\"), R"(name=" a\n\"\\")"
                                          "\n");
}

TEST(IniText, ValuesWrittenByHand) {
  for (const auto& [text, value] : std::vector<std::pair<std::string, std::string>>{
           {"  name =  a b \t# where\n", "a b"},
           {"name=\r\n", ""},
           {"name=a\r\n", "a"},
           {"\xEF\xBB\xBFname=3\n", "3"},
           {"name = \"exp#3\"  # where", "exp#3"},
           {R"(name="/my programs/e.sh" --fast)", R"("/my programs/e.sh" --fast)"},
           {R"(name="/my programs/e.sh")", R"("/my programs/e.sh")"},  // --command's own quotes
           {R"(name="a#b)", R"("a)"},
           {R"(name=" \x")", R"(" \x")"}}) {
    EXPECT_EQ(value_read(text), value) << text;
  }
}

TEST(IniText, WhatIsNoOptionIsRefusedWithItsLine) {
  EXPECT_EQ(
      test::refusal([] { read_ini("a=1\n\n b c # d\n", "x.ini"); }),
      "'b c' in 'x.ini', line 3 cannot be read (a line is NAME=VALUE). Correct it, or put a # "
      "before it.");
  EXPECT_NE(test::refusal([] { read_ini("=1\n", "x.ini"); }), "accepted");
}

/// A command that records one name.
struct Named {
  std::string name = "none";
  OptionSet options{"", ""};

  Named() { options.add("name", &name, ""); }
};

TEST(OptionSet, AnyNameIsRecordedAndInherited) {
  core::RandomStream random(2);
  for (int round = 0; round < 500; ++round) {
    Named given;
    const std::string name = 'x' + any_value(random);
    ASSERT_TRUE(given.options.parse({"--name", name}));
    const std::string record = given.options.record();
    EXPECT_EQ(OptionSet::value_in(record, "name"), name);
    std::string run = "none";
    Named heir;
    heir.options.add("run", &run, "", {.recorded = false});
    heir.options.inherit("run", {"name"}, [&](const std::string&) { return record; });
    ASSERT_TRUE(heir.options.parse({"--run", "R"}));
    EXPECT_EQ(heir.name, name);
    heir.options.require_same(record, "R", "--run");
  }
}

/// Options of which the table says all that it can.
struct Told {
  double seconds = 3;
  int workers = 1;
  long bound = 0;
  std::string mode = "auto";
  OptionSet options{"", ""};

  Told() {
    options.add("seconds", &seconds, "",
                {.range = core::NumberRange{.least = 0, .most = 9, .without_least = true},
                 .unit = "seconds"});
    options.add(
        "workers", &workers, "",
        {.range = core::between(1, 64, "nobody else works"), .change = Change::between_starts});
    options.add("bound", &bound, "",
                {.range = core::at_least(0), .zero = "none", .recorded = false});
    options.add("mode", &mode, "", {.choices = {"live", "lines"}, .change = Change::between_ranks});
  }
};

std::string refused(const std::vector<std::string>& arguments) {
  return test::refusal([&] { Told().options.parse(arguments); });
}

TEST(OptionFacts, SayWhatIsRefusedAndWhy) {
  EXPECT_EQ(refused({"--workers", "0"}),
            "--workers is 0 (nobody else works). Give a number from 1 to 64.");
  EXPECT_EQ(refused({"--workers", "65"}),
            "--workers is 65 (nobody else works). Give a number from 1 to 64.");
  EXPECT_EQ(refused({"--seconds", "0"}), "--seconds is 0. Give seconds above 0 and up to 9.");
  EXPECT_EQ(refused({"--seconds", "nan"}), "--seconds is nan. Give seconds above 0 and up to 9.");
  EXPECT_EQ(refused({"--bound", "-1"}), "--bound is -1. Give a number above 0, or 0 for none.");
  EXPECT_EQ(refused({"--mode", "linse"}),
            "--mode is 'linse' (this option does not take that value). Did you mean 'lines'?");
  EXPECT_EQ(refused({"--workers", "64", "--seconds", "9", "--bound", "0", "--mode", "auto"}),
            "accepted");
  const test::ScratchFolder folder;
  const std::string ini = (folder.path() / "x.ini").string();
  core::replace_file(ini, std::string_view("mode=live\nworkers=0\n"));
  EXPECT_EQ(
      refused({"--config", ini}),
      "--workers is 0 in '" + ini + "', line 2 (nobody else works). Give a number from 1 to 64.");
  EXPECT_EQ(refused({"--config", ini, "--workers", "1"}), "accepted");
}

TEST(OptionFacts, StandInTheHelp) {
  testing::internal::CaptureStdout();
  Told().options.parse({"--help"});
  const std::string help = testing::internal::GetCapturedStdout();
  for (const char* facts :
       {"(seconds; above 0 and up to 9)", "(from 1 to 64)", "(0: none)", "(live, lines)"}) {
    EXPECT_THAT(help, testing::HasSubstr(facts));
  }
}

TEST(OptionFacts, SayWhatMayChange) {
  Told told;
  told.options.parse({"--workers", "2"});
  EXPECT_EQ(told.options.record(), "seconds=3\nworkers=2\nmode=auto\n");
  EXPECT_EQ(told.options.common(), "seconds=3\nworkers=2\n");
  EXPECT_EQ(told.options.lasting(), "seconds=3\n");
  told.options.require_same("seconds=3\nworkers=1\nmode=live\nbound=7\n", "R", "--run");
  EXPECT_THAT(
      test::refusal([&] { told.options.require_same("seconds=4\nworkers=1\n", "R", "--run"); }),
      testing::HasSubstr("(--seconds was 4 and is 3 now)"));
}

TEST(OptionFacts, WhatWasAddedLaterIsLastingOnlyWithAnotherValue) {
  std::string objectives = "fitness";
  int seed = 1;
  OptionSet options("", "");
  options.group("Search");
  options.add("seed", &seed, "");
  options.add("objectives", &objectives, "", {.added_later = true});
  options.parse({});
  EXPECT_EQ(options.lasting(), "seed=1\n");
  EXPECT_EQ(options.record(), "seed=1\nobjectives=fitness\n");
  options.parse({"--objectives", "fitness,-macs"});
  EXPECT_EQ(options.lasting(), "seed=1\nobjectives=fitness,-macs\n");
}

TEST(NamingOptions, AFieldOfALibraryIsNamedAsItsOption) {
  const auto refusal = [](const char* field) {
    return test::refusal(
        [&] { naming_options([&] { throw core::FieldError(field, "is 1", "why", "Give 2."); }); });
  };
  EXPECT_EQ(refusal("train_size"), "--train-size is 1 (why). Give 2.");
  EXPECT_EQ(refusal("learning_rate_drops"), "--lr-drops is 1 (why). Give 2.");
}

/// Names that options had before the first release, and have now.
const std::vector<std::pair<std::string, std::string>> renamed = {
    {"average", "ema-decay"},
    {"evaluation-checkpoint", "checkpoint-every"},
    {"failures-in-series", "max-consecutive-failures"},
    {"lr-batch", "lr-reference-batch"},
    {"max-memory", "max-training-memory"},
    {"memory-limit", "address-space-limit"},
    {"repeat", "only-repeat"},
    {"sync-norms", "sync-batchnorm"},
};

/// A command that has one option, with its new name, and --run.
struct Renamed {
  double value = 0;
  std::string run = "none";
  OptionSet options{"", ""};

  explicit Renamed(const std::string& name) {
    options.add(name, &value, "");
    options.add("run", &run, "", {.recorded = false});
  }
};

TEST(RenamedOptions, AreRefusedWithTheirNewNames) {
  const test::ScratchFolder folder;
  const std::string ini = (folder.path() / "x.ini").string();
  for (const auto& [old_name, new_name] : renamed) {
    Renamed command(new_name);
    EXPECT_EQ(
        test::refusal([&] {
          command.options.parse({"--" + old_name, "3"});
        }),
        "There is no option '--" + old_name + "' (it was renamed). Use '--" + new_name + "'.");
    core::replace_file(ini, std::string_view("\n" + old_name + "=3\n"));
    EXPECT_EQ(test::refusal([&] {
                Renamed(new_name).options.parse({"--config", ini});
              }),
              "There is no option '" + old_name + "' in '" + ini +
                  "', line 2 (it was renamed). Use '" + new_name + "'.");
  }
}

TEST(RenamedOptions, AreReadInRecordsWithTheirOldNames) {
  for (const auto& [old_name, new_name] : renamed) {
    const std::string record = "seed=1\n" + old_name + "=3\nlast=" + old_name + "=\n";
    EXPECT_EQ(with_new_names(record), "seed=1\n" + new_name + "=3\nlast=" + old_name + "=\n");
    EXPECT_EQ(OptionSet::value_in(record, new_name), "3");
    EXPECT_EQ(OptionSet::value_in("  " + old_name + " = 3\n", new_name), "3");
    Renamed heir(new_name);
    heir.options.inherit("run", {new_name}, [&](const std::string&) { return record; });
    ASSERT_TRUE(heir.options.parse({"--run", "R"}));
    EXPECT_EQ(heir.value, 3);
    heir.options.require_same(record, "R", "--run");
    Renamed other(new_name);
    other.options.parse({"--" + new_name, "4"});
    EXPECT_THAT(test::refusal([&] { other.options.require_same(record, "R", "--run"); }),
                testing::HasSubstr("(--" + new_name + " was 3 and is 4 now)"));
  }
}

}  // namespace
}  // namespace hierevo::app
