// berth-monitor ROOT RUN_ROOT ID start|adopt: the parent of one container's processes. Started by berth, never by hand.

#include "container/monitor.h"

int main(int count, char** arguments) { return berth::container::run_monitor(count, arguments); }
