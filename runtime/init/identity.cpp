// Who the program is: ids, groups, capabilities, filter. The order (bounding set, groups, gid, uid, capabilities) is the
// plan's; nothing becomes inheritable or ambient that the plan does not name (CVE-2022-24769).

#include <cerrno>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>

#include "runtime/init/context.h"

namespace berth::runtime::init {

long become_root(Context&, const Step&) {
    long done = raw::call(SYS_setresgid, 0, 0, 0);
    if (done >= 0) done = raw::call(SYS_setresuid, 0, 0, 0);
    // The change of uid made us undumpable, and with that /proc/self the host root's; a time namespace is still to be
    // set through it. `hide` follows before anybody else is in the container.
    if (done >= 0) done = raw::call(SYS_prctl, PR_SET_DUMPABLE, 1, 0, 0, 0);
    return done;
}

long drop_bounding(Context&, const Step& step) {
    for (unsigned number = 0; number < 64; ++number) {
        if ((step.value >> number & 1) != 0) continue;
        const long done = raw::call(SYS_prctl, PR_CAPBSET_DROP, number, 0, 0, 0);
        if (done == -EINVAL) break;  // Past the last one that this kernel knows.
        if (done < 0) return done;
    }
    return 0;
}

long set_ids(Context&, const Step& step) {
    long done = raw::call(SYS_prctl, PR_SET_KEEPCAPS, 1, 0, 0, 0);
    if (done >= 0) done = raw::call(SYS_setresgid, step.gid, step.gid, step.gid);
    if (done >= 0) done = raw::call(SYS_setresuid, step.uid, step.uid, step.uid);
    if (done >= 0) done = raw::call(SYS_prctl, PR_SET_KEEPCAPS, 0, 0, 0, 0);
    return done;
}

long set_capabilities(Context&, const Step& step) {
    CapabilityPlan want = *static_cast<const CapabilityPlan*>(step.list);
    __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
    __user_cap_data_struct data[2]{};
    long done = raw::call(SYS_capget, &header, data);
    if (done < 0) return done;
    // What we lack ourselves (a restricted host) cannot be given; the program has the rest.
    const std::uint64_t held = data[0].permitted | static_cast<std::uint64_t>(data[1].permitted) << 32;
    want.permitted &= held;
    want.effective &= want.permitted;
    want.ambient &= want.permitted & want.inheritable;
    for (int half = 0; half < 2; ++half) {
        data[half].effective = static_cast<std::uint32_t>(want.effective >> (32 * half));
        data[half].permitted = static_cast<std::uint32_t>(want.permitted >> (32 * half));
        data[half].inheritable = static_cast<std::uint32_t>(want.inheritable >> (32 * half));
    }
    raw::call(SYS_prctl, PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
    done = raw::call(SYS_capset, &header, data);
    for (unsigned number = 0; number < 64 && done >= 0; ++number)
        if ((want.ambient >> number & 1) != 0) done = raw::call(SYS_prctl, PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, number, 0, 0);
    return done;
}

long load_seccomp(Context& context, const Step& step) {
    const sock_fprog program{static_cast<unsigned short>(step.count),
                             static_cast<sock_filter*>(const_cast<void*>(step.list))};
    const long done = raw::call(SYS_seccomp, SECCOMP_SET_MODE_FILTER, step.flags, &program);
    if (done < 0 || (step.flags & SECCOMP_FILTER_FLAG_NEW_LISTENER) == 0) return done;
    const long met = meet_parent(context, MessageType::listener, static_cast<int>(done));
    close_fd(done);
    return met;
}

}  // namespace berth::runtime::init
