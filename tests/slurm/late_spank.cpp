// A second SPANK plugin, for tests: on a node, tasks are not ready to start while /tmp/late_tasks
// exists.
#include <unistd.h>

#include <chrono>
#include <thread>

extern "C" {
#include <slurm/spank.h>
extern const char plugin_name[];
extern const char plugin_type[];
extern const unsigned int plugin_version;
extern const unsigned int spank_plugin_version;
}

SPANK_PLUGIN(late, 1)

int slurm_spank_task_init_privileged(spank_t, int, char**) {
  while (::access("/tmp/late_tasks", F_OK) == 0)
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  return 0;
}
