#include "cli/output_file.h"

#include <fcntl.h>
#include <unistd.h>

#include "base/ids.h"
#include "base/sys.h"
#include "cli/session.h"

namespace berth::cli {

Result<Fd> open_input(const std::string& path) {
    if (path == "-" || path.empty()) return Fd(::fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3));
    return sys::open(path, O_RDONLY);
}

Result<OutputFile> OutputFile::open(const std::string& path, std::string_view what) {
    if (path.empty()) {
        if (is_terminal(STDOUT_FILENO))
            return Error(Kind::invalid, cat("cowardly refusing to save ", what, " to a terminal"))
                .with_hint("use -o FILE, or redirect the output");
        return OutputFile(Fd(::fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3)), "", "");
    }
    struct stat found {};
    // A device or a pipe is written as it is: renaming over it would replace it.
    if (::stat(path.c_str(), &found) == 0 && !S_ISREG(found.st_mode)) return OutputFile(TRY(sys::open(path, O_WRONLY)), "", "");
    const std::string temporary = cat(path, ".", random_hex(4), ".part");
    return OutputFile(TRY(sys::open(temporary, O_WRONLY | O_CREAT | O_EXCL, 0644)), path, temporary);
}

Result<void> OutputFile::finish() {
    TRY(fd_.close(), path_.empty() ? "write" : path_);
    if (path_.empty()) return {};
    return sys::renameat(sys::here(), temporary_, sys::here(), path_);
}

void OutputFile::abandon() const {
    if (!temporary_.empty()) ::unlink(temporary_.c_str());
}

Result<int> finished(OutputFile& out, Result<void> written) {
    if (!written.ok()) {
        out.abandon();
        return std::move(written).error();
    }
    TRY(out.finish());
    return 0;
}

}  // namespace berth::cli
