#pragma once
// Config of a container = what the user asked for over what the image says, by docker's rules (moby runconfig Merge and
// daemon/create): pure.

#include <optional>
#include <string>

#include "container/record.h"

namespace berth::container {

/// - CMD is inherited only when the user gave neither arguments nor an entrypoint; a new entrypoint drops the image's CMD.
/// - Env: the user's first, then the image's that the user did not set. Labels, ports and volumes: union, the user wins.
/// - User, working folder, stop signal, stop time-out, shell: the user's if given. Health: field by field.
Config merge_config(Config user, const Config& image);

/// What runs: entrypoint and cmd in one list. Kind::invalid with a hint when both are empty.
Result<Words> command_of(const Config& config);

/// The environment of the process: PATH, HOSTNAME, TERM with a terminal, HOME, then Config.Env over them, as docker and
/// its runtime put it together. `home` is the user's from /etc/passwd.
Words make_environment(const Config& config, const std::string& home);

/// The value of NAME in the list of NAME=VALUE, if it is there.
std::optional<std::string> find_env(const Words& env, std::string_view name);
/// Sets NAME=VALUE in place of an entry of that name, else at the end. An entry without '=' unsets it.
void set_env(Words& env, std::string entry);

}  // namespace berth::container
