#pragma once
// Where the files of a build come from: a folder of the user's, an archive on stdin, a URL or a git repository, and the
// ignore file that hides a part of it.

#include <memory>
#include <optional>
#include <string>

#include "base/root.h"
#include "builder/build.h"
#include "builder/ignore.h"
#include "builder/source.h"
#include "image/store.h"

namespace berth::builder {

class Context {
public:
    /// A folder of the host, used where it is.
    static Result<Context> of_folder(const std::string& path);
    /// An empty one: the Dockerfile came on stdin.
    static Result<Context> empty(const image::Store& store);
    /// An archive, compressed or not, unpacked into the store's staging.
    static Result<Context> of_archive(const image::Store& store, const Fd& archive);
    /// http(s) archive or git repository.
    static Result<Context> of_url(const image::Store& store, const std::string& url);

    const Root& root() const { return root_; }
    const IgnoreMatcher* ignored() const { return ignored_ ? &*ignored_ : nullptr; }
    void ignore_by(IgnoreMatcher matcher) { ignored_ = std::move(matcher); }
    SourceTree tree() const { return {root_, ignored(), description_}; }
    /// Distinguishes contexts for the stat cache: the folder's path, "" for those that are thrown away.
    const std::string& identity() const { return identity_; }

private:
    explicit Context(Root root) : root_(std::move(root)) {}
    Root root_;
    std::optional<IgnoreMatcher> ignored_;
    std::optional<image::Staging> staging_;
    std::string description_ = "the build context";
    std::string identity_;
};

/// The build's own context, and the Dockerfile with its name for messages.
struct Inputs {
    Context context;
    std::string dockerfile;
    std::string name;
};
/// Reads both as the command line says, and applies the ignore file: the Dockerfile's own ("NAME.dockerignore"), else
/// .dockerignore, or --ignorefile. Kind::not_found: "failed to read dockerfile: …".
Result<Inputs> load_inputs(const image::Store& store, const BuildOptions& options);

}  // namespace berth::builder
