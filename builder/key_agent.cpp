#include "builder/key_agent.h"

#include "base/sys.h"
#include "builder/text.h"

namespace berth::builder {
namespace {

/// Lives as long as the pipe that is its input, which the kernel closes when the build dies.
constexpr const char* script = "ssh-add -q \"$@\" && echo ready && cat; kill $SSH_AGENT_PID";

}  // namespace

Result<KeyAgent> KeyAgent::start(const std::string& folder, const std::vector<std::string>& keys) {
    TRY(make_host_folders(folder, 0700));
    Fd opened = TRY(sys::open(folder, O_RDONLY | O_DIRECTORY));
    // The lock tells the next build that the folder has an owner.
    DirLock lock = TRY(DirLock::wait(std::move(opened), LockMode::exclusive));
    sys::Pipe input = TRY(sys::pipe()), output = TRY(sys::pipe()), errors = TRY(sys::pipe());
    SpawnOptions options;
    options.argv = {"env", "SSH_ASKPASS_REQUIRE=never", "ssh-agent", "-a", folder + "/agent", "sh", "-c", script, "sh"};
    options.argv.insert(options.argv.end(), keys.begin(), keys.end());
    options.descriptors = {input.read.raw(), output.write.raw(), errors.write.raw()};
    // Without a terminal nothing can ask for a passphrase, and wait for ever.
    options.session = SpawnOptions::Session::own;
    Child child = TRY(spawn("/usr/bin/env", options));
    for (Fd* end : {&input.read, &output.write, &errors.write}) end->reset();
    KeyAgent agent(folder, std::move(lock), std::move(child), std::move(input.write));
    std::string answer(64, '\0');
    const std::size_t got = TRY(sys::read(output.read, answer));
    if (got > 0) return agent;
    const auto said = read_all(errors.read, 1 << 16);
    ignore(agent.stop(), "the failure is what the user must hear of");
    std::string text(said.ok() ? trim(said.value()) : std::string_view());
    return Error(Kind::invalid, text.empty() ? "ssh-agent ended" : text).with_hint("key files need ssh-agent and ssh-add (openssh-client), and no passphrase");
}

Result<void> KeyAgent::stop() {
    input_.reset();
    TRY(child_.wait());
    return remove_tree(sys::here(), folder_);
}

}  // namespace berth::builder
