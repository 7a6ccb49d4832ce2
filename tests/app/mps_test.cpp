#include "mps.hpp"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <string>

#include "hierevo/core/descriptor.hpp"
#include "support/scratch_folder.hpp"

namespace hierevo::app {
namespace {

/// A socket with a name, on which a program listens as MPS's control daemon does.
core::Descriptor listening_at(const std::filesystem::path& path, int type) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::ranges::copy(path.string(), address.sun_path);
  core::Descriptor socket(::socket(AF_UNIX, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  EXPECT_EQ(::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  EXPECT_TRUE(type == SOCK_DGRAM || ::listen(socket.get(), 4) == 0);
  return socket;
}

class MpsRuns : public testing::Test {
 protected:
  std::filesystem::path control() const { return folder_.path() / "control"; }
  bool runs() const { return mps_runs(folder_.path()); }

  const test::ScratchFolder folder_;
};

TEST_F(MpsRuns, WhereItsDaemonListens) {
  EXPECT_FALSE(runs());
  for (const int type : {SOCK_STREAM, SOCK_SEQPACKET, SOCK_DGRAM}) {
    const core::Descriptor daemon = listening_at(control(), type);
    EXPECT_TRUE(runs());
    EXPECT_TRUE(runs());
    ::unlink(control().c_str());
    EXPECT_FALSE(runs());
  }
}

TEST_F(MpsRuns, IsAskedWithoutTheDaemonNoticing) {
  const core::Descriptor daemon = listening_at(control(), SOCK_SEQPACKET);
  ASSERT_TRUE(runs());
  EXPECT_EQ(::accept(daemon.get(), nullptr, nullptr), -1);
  EXPECT_EQ(errno, EAGAIN);
}

// Its folder stays behind when it is killed.
TEST_F(MpsRuns, NotWhereTheDaemonWasKilled) {
  int ready[2];
  ASSERT_EQ(::pipe(ready), 0);
  const pid_t daemon = ::fork();
  if (daemon == 0) {
    const core::Descriptor socket = listening_at(control(), SOCK_STREAM);
    if (::write(ready[1], "r", 1) != 1) ::_exit(1);
    while (true) ::pause();
  }
  char letter = 0;
  ASSERT_EQ(::read(ready[0], &letter, 1), 1);
  EXPECT_TRUE(runs());
  ::kill(daemon, SIGKILL);
  ASSERT_EQ(::waitpid(daemon, nullptr, 0), daemon);
  EXPECT_TRUE(std::filesystem::exists(control()));
  EXPECT_FALSE(runs());
  ::close(ready[0]);
  ::close(ready[1]);
}

TEST_F(MpsRuns, NotBehindAnythingElseOfThatName) {
  std::ofstream(control()) << "text";
  EXPECT_FALSE(runs());
  ::unlink(control().c_str());
  ASSERT_EQ(::mkfifo(control().c_str(), S_IRUSR | S_IWUSR), 0);
  EXPECT_FALSE(runs());
  ::unlink(control().c_str());
  std::filesystem::create_directory(control());
  EXPECT_FALSE(runs());
  EXPECT_FALSE(mps_runs(folder_.path() / "none"));
  EXPECT_FALSE(mps_runs(folder_.path() / std::string(200, 'x')));
}

TEST(MpsFolder, IsWhereCudaLooksForIt) {
  ::setenv("CUDA_MPS_PIPE_DIRECTORY", "/somewhere/mps", 1);
  EXPECT_EQ(mps_folder(), "/somewhere/mps");
  ::setenv("CUDA_MPS_PIPE_DIRECTORY", "", 1);
  EXPECT_EQ(mps_folder(), "/tmp/nvidia-mps");
  ::unsetenv("CUDA_MPS_PIPE_DIRECTORY");
  EXPECT_EQ(mps_folder(), "/tmp/nvidia-mps");
}

}  // namespace
}  // namespace hierevo::app
