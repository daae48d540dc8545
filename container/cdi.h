#pragma once
// Container Device Interface: devices with a name of their vendor's, `vendor.com/class=name`, which a file of the host
// describes as changes of a container's spec (/etc/cdi/*.json and *.yaml, /var/run/cdi/…). Graphics processors come this way.

#include <span>
#include <string>
#include <string_view>

#include "base/result.h"
#include "runtime/spec.h"

namespace berth::container {

constexpr std::string_view cdi_folders[] = {"/etc/cdi", "/var/run/cdi"};

/// `vendor.com/class=name`, and no path of a device.
bool is_cdi_name(std::string_view text);

/// Makes the changes that the device's description asks for: variables, device nodes, mounts, hooks. Later folders win.
/// Kind::invalid, with the names that are there, when no file describes it.
Result<void> apply_cdi_device(runtime::Spec& spec, std::string_view name, std::span<const std::string_view> folders = cdi_folders);

}  // namespace berth::container
