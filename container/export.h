#pragma once
// `export`: a container's merged tree as one tar, without volumes, configuration or history. Names have no "./" in front.

#include "base/fd.h"
#include "base/result.h"
#include "container/record.h"

namespace berth::container {

class Engine;

Result<void> export_container(Engine& engine, const Record& record, const Fd& to);

}  // namespace berth::container
