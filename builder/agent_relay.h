#pragma once
// A socket that a RUN with --mount=type=ssh sees: what is said there goes on to the user's ssh-agent. The agent's own socket is
// never mounted: it answers only its owner and root (ssh-agent(1)), and the step's user may be neither.

#include <string>

#include <sys/types.h>

#include "base/process.h"

namespace berth::builder {

/// Owner and permissions of the socket: who in the step may use the keys.
struct SocketAccess {
    uid_t uid = 0;
    gid_t gid = 0;
    mode_t mode = 0600;
};

/// The relay is a process of its own and ends with whoever started it.
class AgentRelay {
public:
    /// Makes the socket `path`, whose folder nobody else may enter, for the agent that listens at `agent`.
    static Result<AgentRelay> start(const std::string& path, const std::string& agent, const SocketAccess& access);
    /// Ends all its connections.
    Result<void> stop();

private:
    explicit AgentRelay(Child child) : child_(std::move(child)) {}
    Child child_;
};

}  // namespace berth::builder
