#include "builder/context.h"

#include <cerrno>
#include <climits>
#include <cstdlib>

#include <unistd.h>

#include "base/file.h"
#include "builder/archive_probe.h"
#include "builder/remote.h"
#include "builder/text.h"
#include "image/archive.h"
#include "image/unpack.h"

namespace berth::builder {
namespace {

constexpr std::size_t largest_dockerfile = 16u << 20;

/// The one of docker's and podman's names that is there.
constexpr std::string_view default_names[] = {"Dockerfile", "dockerfile", "Containerfile"};

struct Found {
    std::string text;
    std::string name;            ///< for messages
    std::string ignore_text;
    bool has_ignore = false;
};

std::string base_name(std::string_view path) { return std::string(path.substr(path.rfind('/') + 1)); }

Error missing_file(const std::string& name) {
    return Error(Kind::not_found, cat("failed to read dockerfile: open ", name, ": no such file or directory"))
        .with_hint("name another one with -f FILE");
}

/// A descriptor of our own for what the caller goes on owning.
Result<Fd> borrow(int descriptor) {
    Fd copy(::fcntl(descriptor, F_DUPFD_CLOEXEC, 3));
    if (!copy.valid()) return Error::of_errno(errno, "stdin");
    return copy;
}

Result<void> take_neighbour(Found& found, const std::string& path) {
    auto text = read_file(cat(path, ".dockerignore"), largest_dockerfile);
    if (!text.ok()) return text.error().code() == ENOENT ? Result<void>() : std::move(text).error();
    found.ignore_text = std::move(text).value();
    found.has_ignore = true;
    return {};
}

/// A file of the host, by the user's own path: relative to where the user stands, else to the context.
Result<std::optional<Found>> read_host_file(const std::string& path) {
    auto text = read_file(path, largest_dockerfile);
    if (!text.ok()) {
        if (text.error().code() == ENOENT) return std::optional<Found>();
        return std::move(text).error().context("failed to read dockerfile");
    }
    Found found{std::move(text).value(), base_name(path), "", false};
    TRY(take_neighbour(found, path));
    return std::optional(std::move(found));
}

Result<Found> find_in_context(const Context& context, const std::string& wanted) {
    std::vector<std::string> names(std::begin(default_names), std::end(default_names));
    if (!wanted.empty()) names = {wanted};
    for (const std::string& name : names) {
        auto text = context.root().read_file(name, largest_dockerfile);
        if (!text.ok() && text.error().code() == ENOENT) continue;
        if (!text.ok()) return std::move(text).error().context("failed to read dockerfile");
        Found found{std::move(text).value(), base_name(name), "", false};
        auto ignored = context.root().read_file(cat(name, ".dockerignore"), largest_dockerfile);
        found.has_ignore = ignored.ok();
        if (ignored.ok()) found.ignore_text = std::move(ignored).value();
        return found;
    }
    return missing_file(names.front());
}

Result<Found> find_dockerfile(const Context& context, const BuildOptions& options) {
    if (!options.file) return find_in_context(context, "");
    if (*options.file == "-") {
        const Fd input = TRY(borrow(options.input));
        std::string text = TRY(read_all(input, largest_dockerfile), "read the Dockerfile from stdin");
        return Found{std::move(text), "Dockerfile", "", false};
    }
    if (is_url(*options.file)) {
        std::string text = TRY(fetch_text(*options.file, largest_dockerfile));
        return Found{std::move(text), base_name(*options.file), "", false};
    }
    // An archive or a repository is all there is; a folder's Dockerfile may lie outside of it.
    if (context.identity().empty()) return find_in_context(context, *options.file);
    auto found = TRY(read_host_file(*options.file));
    if (found) return std::move(*found);
    if (!options.file->starts_with('/')) found = TRY(read_host_file(cat(options.context, '/', *options.file)));
    if (found) return std::move(*found);
    return missing_file(*options.file);
}

Result<void> apply_ignore_file(Context& context, const BuildOptions& options, const Found& found) {
    std::string text = found.ignore_text;
    std::string name = cat(found.name, ".dockerignore");
    if (!options.ignore_file.empty()) {
        name = options.ignore_file;
        text = TRY(read_file(name, largest_dockerfile));
    } else if (!found.has_ignore) {
        name = ".dockerignore";
        auto read = context.root().read_file(name, largest_dockerfile);
        if (!read.ok() && read.error().code() == ENOENT) return {};
        text = TRY(std::move(read));
    }
    IgnoreMatcher matcher = TRY(IgnoreMatcher::compile(parse_ignore_file(text)), name);
    if (!matcher.empty()) context.ignore_by(std::move(matcher));
    return {};
}

/// stdin may be read once only: what was read to tell an archive from a Dockerfile is handed on in a temporary file.
struct StandardInput {
    Fd file;
    bool is_archive = false;
};
Result<StandardInput> keep_input(const image::Store& store, int input) {
    StandardInput out;
    out.file = TRY(sys::openat(store.folder(), "tmp", O_TMPFILE | O_RDWR, 0600));
    const Fd from = TRY(borrow(input));
    std::string buffer(1 << 16, '\0');
    for (;;) {
        const std::size_t got = TRY(sys::read(from, buffer), "read stdin");
        if (got == 0) break;
        TRY(sys::write_all(out.file, std::string_view(buffer).substr(0, got)));
    }
    out.is_archive = TRY(is_archive(out.file));
    ::lseek(out.file.raw(), 0, SEEK_SET);
    return out;
}

Result<Inputs> load_from_stdin(const image::Store& store, const BuildOptions& options) {
    if (options.file == "-")
        return Error(Kind::invalid, "invalid argument: can't use stdin for both build context and dockerfile");
    const StandardInput input = TRY(keep_input(store, options.input));
    if (input.is_archive) {
        Context context = TRY(Context::of_archive(store, input.file), "context from stdin");
        Found found = TRY(find_in_context(context, options.file.value_or("")));
        TRY(apply_ignore_file(context, options, found));
        return Inputs{std::move(context), std::move(found.text), std::move(found.name)};
    }
    Context context = TRY(Context::empty(store));
    std::string text = TRY(read_all(input.file, largest_dockerfile), "read the Dockerfile from stdin");
    return Inputs{std::move(context), std::move(text), "Dockerfile"};
}

}  // namespace

Result<Context> Context::of_folder(const std::string& path) {
    Root root = TRY(Root::open(path), "build context");
    Context context(std::move(root));
    char resolved[PATH_MAX];
    context.identity_ = ::realpath(path.c_str(), resolved) != nullptr ? resolved : path;
    return context;
}

Result<Context> Context::empty(const image::Store& store) {
    image::Staging staging = TRY(store.make_staging());
    Root root = TRY(Root::open(staging.fs_path()));
    Context context(std::move(root));
    context.staging_.emplace(std::move(staging));
    return context;
}

Result<Context> Context::of_archive(const image::Store& store, const Fd& archive) {
    Context context = TRY(empty(store));
    auto plain = TRY(image::open_decompressed(archive));
    TRY(image::unpack(*plain, context.root_, {}));
    return context;
}

Result<Context> Context::of_url(const image::Store& store, const std::string& url) {
    Context context = TRY(empty(store));
    const std::string top = TRY(fetch_tree(url, context.staging_->fs_path()), url);
    context.root_ = TRY(Root::open(top));
    return context;
}

Result<Inputs> load_inputs(const image::Store& store, const BuildOptions& options) {
    if (options.context == "-") return load_from_stdin(store, options);
    const auto open_context = [&]() -> Result<Context> {
        if (is_git(options.context) || is_url(options.context)) return Context::of_url(store, options.context);
        return Context::of_folder(options.context);
    };
    Context context = TRY(open_context());
    Found found = TRY(find_dockerfile(context, options));
    TRY(apply_ignore_file(context, options, found));
    return Inputs{std::move(context), std::move(found.text), std::move(found.name)};
}

}  // namespace berth::builder
