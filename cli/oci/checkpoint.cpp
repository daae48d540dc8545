// checkpoint and restore. CRIU does the work and is driven through its RPC; on a host without it there is nothing to do.

#include <unistd.h>

#include "cli/oci/commands.h"
#include "cli/oci/state.h"

namespace berth::cli {

namespace {

Error unsupported() {
    return Error(Kind::unsupported, "checkpoint and restore are not supported by this runtime")
        .with_hint("stop the container and start a new one from the same image and volumes");
}

Result<int> refuse(const OciCall& call, const char* name) {
    Parser parser;
    std::string ignored_text;
    bool ignored_flag = false;
    parser.about(oci_about(name));
    parser.usage("CONTAINER-ID", 1, 1);
    for (const char* option : {"--image-path", "--work-path", "--parent-path", "--page-server", "--status-fd",
                               "--manage-cgroups-mode", "--empty-ns", "--bundle", "--console-socket", "--pid-file",
                               "--lsm-profile", "--lsm-mount-context"})
        parser.text(option, ignored_text, "VALUE", "");
    for (const char* option : {"--leave-running", "--tcp-established", "--tcp-skip-in-flight", "--link-remap", "--ext-unix-sk",
                               "--shell-job", "--lazy-pages", "--file-locks", "--pre-dump", "--auto-dedup", "--detach",
                               "--no-subreaper", "--no-pivot"})
        parser.flag(option, ignored_flag, "");
    const auto words = TRY(read_words(parser, call, name));
    if (!words) return 0;
    return unsupported();
}

}  // namespace

Result<int> oci_checkpoint(const OciCall& call) { return refuse(call, "checkpoint"); }
Result<int> oci_restore(const OciCall& call) { return refuse(call, "restore"); }

}  // namespace berth::cli
