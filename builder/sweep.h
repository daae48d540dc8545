#pragma once
// What builds leave behind when they are killed.

#include "container/engine.h"

namespace berth::builder {

/// Removes private files (secrets, scripts) of builds that no longer run.
void sweep_private_files(container::Engine& engine);

}  // namespace berth::builder
