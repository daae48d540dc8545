#include "runtime/hooks.h"

#include <csignal>

#include "base/file.h"
#include "base/process.h"
#include "base/sys.h"

namespace berth::runtime {

namespace {

/// SIGPIPE ignored for the time of a write: a hook need not read its stdin.
class WithoutSigpipe {
public:
    WithoutSigpipe() : before_(std::signal(SIGPIPE, SIG_IGN)) {}
    ~WithoutSigpipe() { std::signal(SIGPIPE, before_); }
    WithoutSigpipe(const WithoutSigpipe&) = delete;
    WithoutSigpipe& operator=(const WithoutSigpipe&) = delete;

private:
    void (*before_)(int);
};

Result<void> run_hook(const Hook& hook, const std::string& state) {
    sys::Pipe input = TRY(sys::pipe());
    SpawnOptions options;
    options.argv = hook.args.empty() ? Strings{hook.path} : hook.args;
    options.env = hook.env;
    options.descriptors = {input.read.raw(), 2, 2};
    Child child = TRY(spawn(hook.path, options));
    input.read.reset();
    {
        const WithoutSigpipe quiet;
        ignore(sys::write_all(input.write, state), "a hook need not read its stdin");
        input.write.reset();
    }
    const bool ended = TRY(wait_for_end(child.pidfd(), hook.timeout ? *hook.timeout * 1000 : -1));
    if (!ended) ignore(child.kill(Signal::of(SIGKILL)), "it may end by itself this moment");
    const ExitStatus status = TRY(child.wait());
    if (!ended) return Error(Kind::system, cat(hook.path, ": no answer within ", *hook.timeout, " s"));
    if (status.signal != 0) return Error(Kind::system, cat(hook.path, ": killed by signal ", status.signal));
    if (status.code != 0) return Error(Kind::system, cat(hook.path, ": exit status ", status.code));
    return {};
}

}  // namespace

std::string state_document(const Spec& spec, const std::string& id, const std::string& bundle, const std::string& status,
                           pid_t pid) {
    Json state;
    state.set("ociVersion", spec.oci_version);
    state.set("id", id);
    state.set("status", status);
    state.set("pid", pid);
    state.set("bundle", bundle);
    if (!spec.annotations.empty()) state.set("annotations", to_json(spec.annotations));
    return json_text(state);
}

Result<void> run_hooks(const std::vector<Hook>& hooks, std::string_view name, const std::string& state) {
    for (std::size_t i = 0; i < hooks.size(); ++i)
        TRY(run_hook(hooks[i], state), "error running ", name, " hook #", i);
    return {};
}

}  // namespace berth::runtime
