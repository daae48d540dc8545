#pragma once
// The start table that containers and build steps share: from a definition and a root file system to a process that is
// ready to be released. Each stage has its undo; after a failure nothing is left.

#include <array>
#include <deque>
#include <functional>
#include <optional>
#include <span>
#include <vector>

#include "base/stage.h"
#include "container/engine.h"
#include "container/spec.h"
#include "image/overlay.h"
#include "network/attach.h"
#include "runtime/launch.h"

namespace berth::container {

/// A mount beside the definition's own; the descriptor stays open until init is created.
struct ExtraMount {
    runtime::Mount mount;
    Fd source;
};

struct Launch {
    Launch(Engine& with, const Definition& what) : engine(with), definition(what) {}

    // What is to run, and where.
    Engine& engine;
    const Definition& definition;
    image::OverlayRequest overlay;      ///< unless definition.rootfs is set
    std::string files_folder;           ///< where hosts, hostname and resolv.conf are written
    std::array<const Fd*, 3> stdio{};
    std::vector<const Fd*> extra;       ///< 3, 4, … of the first process
    std::vector<ExtraMount> extra_mounts;
    bool die_with_caller = false;       ///< for build steps
    /// Called when the user is known, before the clone: gives pipes their owner.
    std::function<Result<void>(const runtime::ResolvedUser&)> on_user;
    /// Called when the networks stand and init still prepares itself: all that must precede the program.
    std::function<Result<void>()> on_attached;

    // What the stages made. The caller may set facts.init_program before.
    Fd rootfs;
    SpecFacts facts;
    std::deque<Fd> sources;             ///< of mounts and namespaces, held until init has them; they do not move
    std::vector<runtime::GivenTree> trees;  ///< those of `sources` that are moved as they are
    runtime::Spec spec;
    std::optional<runtime::Cgroup> cgroup;
    std::optional<runtime::Init> init;
    std::optional<Result<void>> child;  ///< What it reported, when that was asked for early.
    Fd netns;
    std::optional<network::Attachment> attachment;
};

/// Everything up to an init that waits for release().
Result<void> prepare_launch(Launch& launch);
/// Undoes prepare_launch, for a later stage that failed.
Result<void> undo_launch(Launch& launch);

/// What network::attach is asked for; also for adopt, connect and rename.
Result<network::AttachRequest> make_attach_request(const Definition& definition);
/// True for bridge and user-defined networks: there is something to attach and detach.
bool has_networks(const Definition& definition);
std::string cgroup_path_of(const Definition& definition);
/// Of a run whose monitor was killed before it recorded anything: no state tells of it. Absent is success.
Result<void> remove_leftover_cgroup(const Definition& definition);

}  // namespace berth::container
