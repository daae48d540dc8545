#include "base/descriptor_limit.h"

#include <sys/resource.h>

namespace berth {

DescriptorLimit descriptor_limit() {
    rlimit limit{};
    ::getrlimit(RLIMIT_NOFILE, &limit);
    return {limit.rlim_cur, limit.rlim_max};
}

DescriptorLimit raise_descriptor_limit() {
    const DescriptorLimit before = descriptor_limit();
    const rlimit raised{before.hard, before.hard};
    ::setrlimit(RLIMIT_NOFILE, &raised);
    return before;
}

}  // namespace berth
