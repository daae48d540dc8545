#pragma once
// berth's own process 1 for --init and --proc, run inside the container: starts the command and the declared processes, reaps
// whatever becomes an orphan, hands signals on, restarts by policy and ends when it should. It is berth-monitor's file under
// another name, mounted read-only, so that an image needs nothing for it.
//
//   docker-init [--processes JSON] -- COMMAND…
//
// With --processes: descriptor 3 is a socket for the monitor's orders, 4 and 5 are stdout and stderr of the first process,
// 6 and 7 those of the second, and so on.

#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "container/record.h"

namespace berth::container {

/// What --processes holds.
struct InitPlan {
    std::vector<ProcessRequest> processes;
    std::string end_when;  ///< "": the command, or without one the last process; "any"; or a process's name
};
template <class Io>
void fields(Io& io, InitPlan& plan) {
    io.required("Processes", plan.processes);
    io.optional("EndWhen", plan.end_when);
}

/// Names once each and known in `after` and end_when, no circle. Kind::invalid otherwise.
Result<void> check_init_plan(const InitPlan& plan, bool has_command);
/// Indices in the order of starting: each after those it names in `after`.
std::vector<std::size_t> start_order(const InitPlan& plan);

/// An order of the monitor: "kill NAME NUMBER" or "restart NAME".
struct InitOrder {
    bool restart = false;
    std::string process;
    int signal = 0;
};
std::string order_text(const InitOrder& order);
Result<InitOrder> parse_order(std::string_view text);

/// True when this program was started under its name in a container.
bool is_tiny_init(std::string_view program);
int run_tiny_init(int count, char** arguments);

}  // namespace berth::container
