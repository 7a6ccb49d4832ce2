// The built plugin as Slurm loads it, with Slurm's functions played by this program.
#include <dlfcn.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <slurm/spank.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdarg>
#include <cstdio>
#include <map>
#include <string>
#include <vector>

namespace {

spank_context_t context = S_CTX_LOCAL;
std::vector<spank_option> registered;
std::map<std::string, std::string> options_given;
std::string told;

void note(const char* format, std::va_list arguments) {
  std::array<char, 1000> text = {};
  std::vsnprintf(text.data(), text.size(), format, arguments);
  told = text.data();
}

}  // namespace

extern "C" {
spank_context_t spank_context() {
  return context;
}
spank_err_t spank_option_register(spank_t, spank_option* option) {
  registered.push_back(*option);
  return static_cast<spank_err_t>(ESPANK_SUCCESS);
}
spank_err_t spank_option_getopt(spank_t, spank_option* option, char** text) {
  const auto found = options_given.find(option->name);
  if (found == options_given.end()) return ESPANK_ERROR;
  *text = found->second.data();
  return static_cast<spank_err_t>(ESPANK_SUCCESS);
}
spank_err_t spank_get_item(spank_t, spank_item_t, ...) {
  return ESPANK_BAD_ARG;
}
spank_err_t spank_getenv(spank_t, const char*, char*, int) {
  return ESPANK_BAD_ARG;
}
spank_err_t spank_setenv(spank_t, const char*, const char*, int) {
  return ESPANK_BAD_ARG;
}
// slurm.h, which differs by version, is not used.
int slurm_kill_job_step() {
  return 0;
}
int slurm_load_job() {
  return -1;
}
void slurm_free_job_info_msg() {}
void slurm_error(const char* format, ...) {
  std::va_list arguments;
  va_start(arguments, format);
  note(format, arguments);
  va_end(arguments);
}
void slurm_spank_log(const char* format, ...) {
  std::va_list arguments;
  va_start(arguments, format);
  note(format, arguments);
  va_end(arguments);
}
}

namespace hierevo::spank {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

using Callback = int(spank_t, int, char**);

class Plugin : public testing::Test {
 protected:
  void SetUp() override {
    context = S_CTX_LOCAL;
    registered.clear();
    options_given.clear();
    told.clear();
    handle = ::dlopen(HIEREVO_SPANK, RTLD_LAZY);
    ASSERT_NE(handle, nullptr) << ::dlerror();
  }
  void TearDown() override { ::dlclose(handle); }

  int call(const char* name, std::vector<std::string> settings = {}) {
    auto* function = reinterpret_cast<Callback*>(::dlsym(handle, name));
    std::vector<char*> arguments;
    for (std::string& setting : settings) arguments.push_back(setting.data());
    return function(nullptr, static_cast<int>(arguments.size()), arguments.data());
  }

  /// The client's message about an option.
  static int check(const char* name, const char* text, int remote = 0) {
    const auto option =
        std::find_if(registered.begin(), registered.end(),
                     [&](const spank_option& one) { return one.name == std::string(name); });
    return option->cb(option->val, text, remote);
  }

  void* handle = nullptr;
};

TEST_F(Plugin, RegistersItsOptionsWhereTheyAreRead) {
  for (const auto where : {S_CTX_LOCAL, S_CTX_ALLOCATOR, S_CTX_REMOTE}) {
    context = where;
    registered.clear();
    EXPECT_EQ(call("slurm_spank_init"), 0);
    std::vector<std::string> names;
    for (const spank_option& option : registered) names.emplace_back(option.name);
    EXPECT_THAT(names,
                ElementsAre("hierevo-stage", "hierevo-evaluators-per-gpu", "hierevo-devices"));
  }
  context = S_CTX_SLURMD;
  registered.clear();
  EXPECT_EQ(call("slurm_spank_init"), 0);
  EXPECT_THAT(registered, IsEmpty());
}

TEST_F(Plugin, UnknownSettingsAreRefusedButByTasksWithoutOptions) {
  for (const auto where : {S_CTX_LOCAL, S_CTX_ALLOCATOR, S_CTX_SLURMD}) {
    context = where;
    EXPECT_EQ(call("slurm_spank_init", {"foldr=/x"}), -1);
    EXPECT_THAT(told, HasSubstr("Did you mean 'folder'?"));
  }
  context = S_CTX_REMOTE;
  EXPECT_EQ(call("slurm_spank_init", {"foldr=/x"}), 0);
  EXPECT_EQ(call("slurm_spank_task_init_privileged", {"foldr=/x"}), 0);
  EXPECT_EQ(call("slurm_spank_task_init", {"foldr=/x"}), 0);
  options_given["hierevo-devices"] = "own";
  EXPECT_EXIT(call("slurm_spank_task_init", {"foldr=/x"}), testing::ExitedWithCode(2), "");
}

TEST_F(Plugin, OptionsAreCheckedInTheClient) {
  call("slurm_spank_init", {"folder=/local/hierevo"});
  EXPECT_EQ(check("hierevo-stage", "/data/a:b"), 0);
  EXPECT_EQ(check("hierevo-stage", "data"), -1);
  EXPECT_EQ(check("hierevo-stage", nullptr), -1);
  EXPECT_EQ(check("hierevo-evaluators-per-gpu", "2"), 0);
  EXPECT_EQ(check("hierevo-evaluators-per-gpu", "x"), -1);
  EXPECT_EQ(check("hierevo-devices", "all"), -1);
  EXPECT_EQ(check("hierevo-devices", "all", /*remote=*/1), 0);  // the task refuses it
  call("slurm_spank_init");
  EXPECT_EQ(check("hierevo-stage", "/data/a:b"), -1);
  EXPECT_THAT(told, HasSubstr("has set no folder"));
}

TEST_F(Plugin, FailuresEndTheTaskAndNeverCrossIntoSlurm) {
  for (const char* option : {"hierevo-stage", "hierevo-evaluators-per-gpu", "hierevo-devices"}) {
    for (const char* text : {"", "/a:../b", "/a\nb", "/nothing", "2"}) {
      options_given = {{option, text}};
      EXPECT_EQ(call("slurm_spank_task_init_privileged", {"folder=/nothing/there"}), 0);
      EXPECT_EXIT(call("slurm_spank_task_init", {"folder=/nothing/there"}),
                  testing::ExitedWithCode(2), "");
    }
  }
  EXPECT_EQ(call("slurm_spank_job_epilog", {"folder=/nothing/there"}), 0);
  EXPECT_THAT(told, HasSubstr("Slurm does not say which job"));
  EXPECT_EQ(call("slurm_spank_job_epilog", {"x"}), 0);
}

/// Loading and all calls for a task, in a new process.
std::int64_t microseconds_without_options() {
  std::array<int, 2> ends;
  EXPECT_EQ(::pipe(ends.data()), 0);
  if (::fork() == 0) {
    const auto began = std::chrono::steady_clock::now();
    void* plugin = ::dlopen(HIEREVO_SPANK, RTLD_LAZY);
    std::string folder = "folder=/nothing/there";
    char* settings = folder.data();
    for (const char* name :
         {"slurm_spank_init", "slurm_spank_task_init_privileged", "slurm_spank_task_init"}) {
      reinterpret_cast<Callback*>(::dlsym(plugin, name))(nullptr, 1, &settings);
    }
    const std::int64_t took = std::chrono::duration_cast<std::chrono::microseconds>(
                                  std::chrono::steady_clock::now() - began)
                                  .count();
    ::_exit(::write(ends[1], &took, sizeof took) == sizeof took ? 0 : 1);
  }
  ::close(ends[1]);
  std::int64_t took = -1;
  EXPECT_EQ(::read(ends[0], &took, sizeof took), static_cast<ssize_t>(sizeof took));
  ::close(ends[0]);
  ::wait(nullptr);
  return took;
}

TEST(PluginCost, IsUnderAMillisecondForJobsWithoutOptions) {
  context = S_CTX_REMOTE;
  options_given.clear();
  std::int64_t least = 1'000'000;  // of several: other programs use the cores too
  for (int i = 0; i < 50; ++i) least = std::min(least, microseconds_without_options());
  std::printf("%ld microseconds\n", static_cast<long>(least));
  EXPECT_LT(least, 1000);
}

}  // namespace
}  // namespace hierevo::spank
