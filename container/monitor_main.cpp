// berth-monitor ROOT RUN_ROOT ID start|adopt: the parent of one container's processes. Started by berth, never by hand.
// Mounted into a container under the name of tiny_init.h it is that container's process 1 instead.

#include "container/monitor.h"
#include "container/tiny_init.h"

int main(int count, char** arguments) {
    if (count > 0 && berth::container::is_tiny_init(arguments[0])) return berth::container::run_tiny_init(count, arguments);
    return berth::container::run_monitor(count, arguments);
}
