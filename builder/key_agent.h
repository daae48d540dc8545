#pragma once
// --ssh ID=KEY: an ssh-agent of the build's own that holds key files, so that no key itself comes near a step. The programs are
// OpenSSH's; the agent ends with the build, also when that is killed.

#include <string>
#include <vector>

#include "base/file.h"
#include "base/process.h"

namespace berth::builder {

class KeyAgent {
public:
    /// `folder` is made, private; the socket lies in it. Kind::invalid with ssh-add's words when a key cannot be used.
    static Result<KeyAgent> start(const std::string& folder, const std::vector<std::string>& keys);
    const std::string& socket() const { return socket_; }
    /// Ends the agent and removes the folder.
    Result<void> stop();

private:
    KeyAgent(std::string folder, DirLock lock, Child child, Fd input)
        : folder_(std::move(folder)), socket_(folder_ + "/agent"), lock_(std::move(lock)), child_(std::move(child)), input_(std::move(input)) {}
    std::string folder_, socket_;
    DirLock lock_;
    Child child_;
    Fd input_;  ///< Its end is the agent's end.
};

}  // namespace berth::builder
