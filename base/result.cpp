#include "base/result.h"

#include <cerrno>
#include <cstdlib>
#include <cstring>

#include <unistd.h>

namespace berth {

namespace {

Kind kind_of_errno(int code) {
    switch (code) {
        case ENOENT: case ESRCH: case ENODEV: case ENXIO: return Kind::not_found;
        case EEXIST: case EADDRINUSE: return Kind::exists;
        case EACCES: case EPERM: case EROFS: return Kind::denied;
        case EINVAL: case ENAMETOOLONG: case ENOTDIR: case EISDIR: case ELOOP: return Kind::invalid;
        case EBUSY: case EAGAIN: case ETXTBSY: return Kind::busy;
        case ENOSYS: case EOPNOTSUPP: return Kind::unsupported;
        default: return Kind::system;
    }
}

}  // namespace

Error::Error(Kind kind, std::string text, std::source_location where)
    : body_(new Body{kind, 0, std::move(text), {}, where}) {}

Error Error::of_errno(int code, std::string_view call, std::source_location where) {
    // strerrordesc_np(3) neither translates nor allocates.
    const char* words = strerrordesc_np(code);
    Error error(kind_of_errno(code), cat(call, call.empty() ? "" : ": ", words ? words : "unknown error"), where);
    error.body_->code = code;
    return error;
}

Error Error::with_hint(std::string hint) && {
    if (body_->hint.empty()) body_->hint = std::move(hint);
    return std::move(*this);
}

Error Error::with_kind(Kind kind) && {
    body_->kind = kind;
    return std::move(*this);
}

void bug(std::string_view what, std::source_location where) {
    const std::string line = cat("berth: bug at ", where.file_name(), ":", where.line(), ": ", what, "\n");
    // Nothing can be done about a failed write here.
    [[maybe_unused]] const auto written = ::write(2, line.data(), line.size());
    std::abort();
}

}  // namespace berth
