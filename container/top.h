#pragma once
// `top`: the processes of a container, read from the host's /proc by their cgroup. Nothing enters the container and
// nothing of it is run (CVE-2022-1227). ps's usual forms are answered here, so that a host without ps can show them too;
// anything else is given to the host's ps, whose lines are filtered.

#include <string>
#include <vector>

#include "base/result.h"
#include "container/record.h"

namespace berth::container {

class Engine;

struct ProcessTable {
    std::vector<std::string> titles;
    std::vector<std::vector<std::string>> rows;
};

/// `ps_options` as typed behind the container: {} (ps -ef), {"aux"}, {"-o", "pid,comm"}, …
Result<ProcessTable> top(Engine& engine, const Record& record, const std::vector<std::string>& ps_options);

}  // namespace berth::container
