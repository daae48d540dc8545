// state, kill, delete, pause, resume.

#include <csignal>
#include <ctime>

#include "base/json.h"
#include "cli/oci/commands.h"
#include "cli/oci/output.h"
#include "cli/oci/state.h"

namespace berth::cli {

namespace {

/// The words of a command that takes one container and nothing else.
Result<std::optional<OciContainer>> only_container(const OciCall& call, const std::string& name) {
    Parser parser;
    parser.about(oci_about(name));
    parser.usage("CONTAINER-ID", 1, 1);
    const auto words = TRY(read_words(parser, call, name));
    if (!words) return std::optional<OciContainer>();
    OciContainer container = TRY(OciContainer::open(call.globals.root, (*words)[0]));
    return std::optional(std::move(container));
}

bool has_own_pids(const OciContainer& container) {
    for (const OciNamespace& space : container.state().config.namespaces)
        if (space.type == "NEWPID") return space.path.empty();
    return false;
}

Result<void> kill_container(OciContainer& container, Signal signal) {
    // A container that shares its pid namespace does not end with its first process.
    if (signal.number() == SIGKILL && !has_own_pids(container)) {
        if (auto group = container.cgroup()) return group->kill_all();
    }
    const auto process = TRY(container.open_process());
    if (!process) return Error(Kind::wrong_state, "container not running");
    TRY(send_signal(*process, signal));
    if (signal.number() != SIGKILL) return {};
    // A frozen process does not die before it is thawed.
    auto group = container.cgroup();
    if (group && group->is_frozen().value_or(false)) TRY(group->thaw());
    return {};
}

Result<void> kill_and_wait(OciContainer& container) {
    const auto process = TRY(container.open_process());
    if (process) {
        TRY(kill_container(container, Signal::of(SIGKILL)));
        const bool ended = TRY(wait_for_end(*process, 10'000));
        if (!ended) return Error(Kind::busy, "container init still running");
    }
    return {};
}

Result<int> delete_one(const OciCall& call, const std::string& id, bool force) {
    auto opened = OciContainer::open(call.globals.root, id);
    if (!opened.ok() && force && opened.error().kind() == Kind::not_found) return 0;
    OciContainer container = TRY(std::move(opened));
    const OciStatus status = TRY(container.status());
    const bool ends = status == OciStatus::stopped || status == OciStatus::created;
    if (!ends && !force)
        return Error(Kind::wrong_state, cat("cannot delete container ", id, " that is not stopped: ", status_word(status)))
            .with_hint("--force kills it first");
    if (status != OciStatus::stopped) TRY(kill_and_wait(container));
    TRY(destroy_container(container, call.log));
    return 0;
}

}  // namespace

Result<int> oci_state(const OciCall& call) {
    const auto container = TRY(only_container(call, "state"));
    if (!container) return 0;
    const Json document = TRY(container->describe());
    write_output(json_text(document, JsonStyle::indented) + "\n");
    return 0;
}

Result<int> oci_kill(const OciCall& call) {
    Parser parser;
    bool all = false;
    parser.about(oci_about("kill"));
    parser.usage("CONTAINER-ID [SIGNAL]", 1, 2);
    parser.flag("-a,--all", all, "Accepted; a container that shares a pid namespace is ended whole anyway");
    const auto words = TRY(read_words(parser, call, "kill"));
    if (!words) return 0;
    const std::string wanted = words->size() > 1 ? (*words)[1] : "TERM";
    // Signal 0 only asks whether the process is there (kill(2)).
    const Signal signal = wanted == "0" ? Signal::of(0) : TRY(Signal::parse(wanted));
    OciContainer container = TRY(OciContainer::open(call.globals.root, (*words)[0]));
    const OciStatus status = TRY(container.status());
    if (status == OciStatus::stopped) {
        // Of a container without pid namespace something may be left.
        auto group = container.cgroup();
        const bool left = group && !has_own_pids(container) && !group->pids().value_or({}).empty();
        if (!left && all) return 0;
        if (!left) return Error(Kind::wrong_state, "container not running");
    }
    TRY(kill_container(container, signal));
    return 0;
}

Result<int> oci_delete(const OciCall& call) {
    Parser parser;
    bool force = false;
    parser.about(oci_about("delete"));
    parser.usage("CONTAINER-ID", 1, 1);
    parser.flag("-f,--force", force, "Kill it first when it still runs");
    const auto words = TRY(read_words(parser, call, "delete"));
    if (!words) return 0;
    return delete_one(call, (*words)[0], force);
}

Result<int> oci_pause(const OciCall& call) {
    auto container = TRY(only_container(call, "pause"));
    if (!container) return 0;
    const OciStatus status = TRY(container->status());
    if (status != OciStatus::running && status != OciStatus::created)
        return Error(Kind::wrong_state, cat("container not running or created: ", status_word(status)));
    auto group = container->cgroup();
    if (!group) return Error(Kind::unsupported, "the container has no cgroup to freeze");
    TRY(group->freeze());
    return 0;
}

Result<int> oci_resume(const OciCall& call) {
    auto container = TRY(only_container(call, "resume"));
    if (!container) return 0;
    auto group = container->cgroup();
    const OciStatus status = TRY(container->status());
    if (status != OciStatus::paused || !group) return Error(Kind::wrong_state, "container not paused");
    TRY(group->thaw());
    return 0;
}

}  // namespace berth::cli
