#pragma once
// Files that commands read and write for their user: a path, or a standard stream.

#include <string>

#include "base/fd.h"

namespace berth::cli {

/// The file, or stdin for "-" and "", as a descriptor of its own.
Result<Fd> open_input(const std::string& path);

/// An archive on its way out. It is written beside its place and renamed when it is whole, so that a failure leaves an
/// older file as it was. Devices and pipes are written as they are.
class OutputFile {
public:
    /// "" is stdout, refused when that is a terminal; `what` is named then ("an image").
    static Result<OutputFile> open(const std::string& path, std::string_view what);
    const Fd& fd() const { return fd_; }
    Result<void> finish();
    void abandon() const;

private:
    OutputFile(Fd fd, std::string path, std::string temporary)
        : fd_(std::move(fd)), path_(std::move(path)), temporary_(std::move(temporary)) {}
    Fd fd_;
    std::string path_;
    std::string temporary_;
};

/// The end of a command that wrote: the file gets its name, or goes.
Result<int> finished(OutputFile& out, Result<void> written);

}  // namespace berth::cli
