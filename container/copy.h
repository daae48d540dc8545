#pragma once
// `cp`: between the host, a container and tar streams, in docker's semantics (docs: "docker cp", the table of cases).
// A container's side is only ever reached through TreeView and openat2, one descriptor after the other, so that a program
// that swaps folders for links while being copied leads nowhere but into its own tree. Nothing of the container runs.

#include <cstdint>
#include <functional>
#include <string>

#include "base/fd.h"
#include "base/result.h"
#include "container/record.h"

namespace berth::container {

class Engine;

struct CopyOptions {
    bool archive = false;      ///< -a: keep owners; without it files copied in are root's and copied out the caller's
    bool follow_link = false;  ///< -L: a link named as source stands for what it points to
    /// Called now and then with the bytes copied so far; may be empty.
    std::function<void(std::uint64_t bytes)> progress;
};

struct CopySummary {
    std::uint64_t bytes = 0;    ///< contents of files
    std::uint64_t entries = 0;  ///< files, folders, links
};

/// Host path to container. Errors are docker's where users see them in scripts: "must be a directory", "not a directory".
Result<CopySummary> copy_in(Engine& engine, const Record& to, const std::string& host_path,
                            const std::string& container_path, const CopyOptions& options);
/// Container to host path.
Result<CopySummary> copy_out(Engine& engine, const Record& from, const std::string& container_path,
                             const std::string& host_path, const CopyOptions& options);
/// A tar stream (plain or compressed) into a folder that is there.
Result<CopySummary> copy_archive_in(Engine& engine, const Record& to, const Fd& archive,
                                    const std::string& container_path, const CopyOptions& options);
/// As a tar stream whose names begin with the last component of the path ("./" for PATH/.).
Result<CopySummary> copy_archive_out(Engine& engine, const Record& from, const std::string& container_path,
                                     const Fd& archive, const CopyOptions& options);

/// Container to container, or within one.
Result<CopySummary> copy_across(Engine& engine, const Record& from, const std::string& from_path, const Record& to,
                                const std::string& to_path, const CopyOptions& options);

/// One side of the command line: "CONTAINER:PATH", a host path, or "-". docker: what begins with '/' or '.' is the host's,
/// else the first ':' parts container and path.
struct CopyPlace {
    enum class Kind { host, container, stream } kind = Kind::host;
    std::string container;
    std::string path;
};
CopyPlace parse_copy_place(std::string_view text);

}  // namespace berth::container
