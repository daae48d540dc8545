#include "builder/remote.h"

#include <cerrno>
#include <cstdlib>

#include <unistd.h>

#include "base/file.h"
#include "base/helper.h"
#include "base/json.h"
#include "base/process.h"
#include "base/root.h"
#include "builder/archive_probe.h"
#include "builder/text.h"
#include "image/archive.h"
#include "image/unpack.h"

namespace berth::builder {
namespace {

constexpr std::size_t largest_dockerfile = 16u << 20;

std::string_view without_suffix(std::string_view url) { return url.substr(0, url.find_first_of("?#")); }

/// Runs a program to its end; what it wrote to stderr is the error's text when it failed.
Result<void> run_program(const std::string& file, std::vector<std::string> argv, std::vector<int> descriptors) {
    sys::Pipe errors = TRY(sys::pipe());
    SpawnOptions options;
    options.argv = std::move(argv);
    descriptors.insert(descriptors.begin() + 2, errors.write.raw());
    options.descriptors = std::move(descriptors);
    Child child = TRY(spawn(file, options));
    errors.write.reset();
    const auto said = read_all(errors.read, 1 << 20);
    const ExitStatus status = TRY(child.wait());
    if (status.shell_code() == 0) return {};
    std::string text(said.ok() ? trim(said.value()) : std::string_view());
    if (text.empty()) text = cat("ended with ", status.shell_code());
    return Error(Kind::system, std::move(text));
}

Result<std::string> run_git(std::vector<std::string> arguments) {
    sys::Pipe output = TRY(sys::pipe());
    // Nothing of the user's own git configuration may run filters or hooks here; a password prompt would wait for ever.
    std::vector<std::string> argv = {"env"};
    // A build that a hook of git starts has the variables that name the user's own repository (git rev-parse --local-env-vars).
    for (const char* name : {"GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_COMMON_DIR", "GIT_OBJECT_DIRECTORY", "GIT_NAMESPACE",
                             "GIT_ALTERNATE_OBJECT_DIRECTORIES", "GIT_PREFIX", "GIT_SHALLOW_FILE", "GIT_GRAFT_FILE"})
        argv.insert(argv.end(), {"-u", name});
    argv.insert(argv.end(), {"GIT_TERMINAL_PROMPT=0", "git", "-c", "protocol.ext.allow=never", "-c", "core.hooksPath=/dev/null"});
    argv.insert(argv.end(), arguments.begin(), arguments.end());
    const auto ran = run_program("/usr/bin/env", std::move(argv), {-1, output.write.raw()});
    output.write.reset();
    if (!ran.ok()) return Error(ran.error().kind(), cat("git: ", ran.error().text())).with_hint("git must be installed and able to reach the repository");
    const std::string text = TRY(read_all(output.read, 1 << 20));
    return std::string(trim(text));
}

Result<void> check_commit(const GitAddress& address, const std::string& commit) {
    if (address.checksum.empty() || commit.starts_with(address.checksum)) return {};
    return Error(Kind::corrupt, cat("the checksum is ", address.checksum, ", the commit ", commit));
}

Result<void> set_git_option(GitAddress& address, std::string_view name, std::string_view value) {
    if (name == "ref" || name == "branch" || name == "tag" || name == "commit") address.reference = value;
    else if (name == "subdir") address.folder = value;
    else if (name == "checksum") address.checksum = value;
    else if (name == "keep-git-dir") address.keeps_git_folder = value != "false" && value != "0";
    else if (name == "submodules") address.submodules = value != "false" && value != "0";
    else return Error(Kind::invalid, cat("unknown option '", name, "' in the git address", suggestion(name, {"ref", "branch", "tag", "commit", "subdir", "checksum", "keep-git-dir", "submodules"})));
    return {};
}

}  // namespace

bool is_url(std::string_view text) { return text.starts_with("http://") || text.starts_with("https://"); }

bool is_git(std::string_view text) {
    if (text.starts_with("git://") || text.starts_with("ssh://") || text.starts_with("git@")) return true;
    return is_url(text) && without_suffix(text).ends_with(".git");
}

Result<GitAddress> parse_git(std::string_view text) {
    GitAddress address;
    address.remote = without_suffix(text);
    std::string_view rest = text.substr(address.remote.size());
    if (rest.starts_with('?')) {
        for (const std::string& pair : split(rest.substr(1, rest.find('#') == std::string_view::npos ? rest.npos : rest.find('#') - 1), '&')) {
            const Cut parts = cut(pair, '=');
            TRY(set_git_option(address, parts.before, parts.after.value_or("true")), "'", text, "'");
        }
        rest = rest.find('#') == std::string_view::npos ? std::string_view() : rest.substr(rest.find('#'));
    }
    if (rest.starts_with('#')) {
        const Cut parts = cut(rest.substr(1), ':');
        address.reference = parts.before;
        address.folder = parts.after.value_or("");
    }
    // git takes options behind its arguments too (CVE-2019-13139).
    if (address.reference.starts_with('-')) return Error(Kind::invalid, cat("'", text, "': a reference does not begin with '-'"));
    return address;
}

Result<Download> fetch_file(const std::string& url, const Fd& into) {
    sys::Pipe facts = TRY(sys::pipe());
    TRY(run_program(helper_path("berth-fetch"), {"berth-fetch", url}, {-1, into.raw(), facts.write.raw()}), url);
    facts.write.reset();
    const std::string text = TRY(read_all(facts.read, 1 << 20));
    const Json answer = TRY(parse_json(text), url);
    Download download;
    const auto word = [&](std::string_view name) {
        const Json* member = answer.find(name);
        return member != nullptr && member->string() != nullptr ? *member->string() : std::string();
    };
    if (const Json* modified = answer.find("modified"); modified != nullptr && modified->integer() != nullptr)
        download.modified = {*modified->integer() * 1'000'000'000};
    download.validator = word("etag");
    const std::string_view path = without_suffix(std::string_view(url).substr(url.find("//") + 2));
    const std::size_t slash = path.rfind('/');
    download.name = slash == std::string_view::npos ? "" : path.substr(slash + 1);
    if (download.name.empty() || download.name == "." || download.name == "..") download.name = "__unnamed__";
    return download;
}

Result<std::string> fetch_text(const std::string& url, std::size_t limit) {
    const Fd file = TRY(sys::open("/tmp", O_TMPFILE | O_RDWR, 0600));
    TRY(fetch_file(url, file));
    ::lseek(file.raw(), 0, SEEK_SET);
    return read_all(file, limit);
}

Result<std::string> clone_git(const GitAddress& address, const std::string& into, bool keeps_git_folder) {
    const std::string reference = address.reference.empty() ? "HEAD" : address.reference;
    TRY(run_git({"init", "-q", into}));
    TRY(run_git({"-C", into, "remote", "add", "origin", address.remote}));
    // A commit may not be fetchable by its name; then its history is.
    const bool is_fetched = run_git({"-C", into, "fetch", "-q", "--depth", "1", "origin", reference}).ok();
    if (!is_fetched)
        TRY(run_git({"-C", into, "fetch", "-q", "origin", "+refs/heads/*:refs/remotes/origin/*", "+refs/tags/*:refs/tags/*"}), address.remote);
    // FETCH_HEAD is what was asked for by name, or else the first of all branches: then only the reference says which commit.
    auto commit_of = run_git({"-C", into, "rev-parse", "-q", "--verify", cat(reference, "^{commit}")});
    if (!commit_of.ok() && !is_fetched) commit_of = run_git({"-C", into, "rev-parse", "-q", "--verify", cat("origin/", reference, "^{commit}")});
    if ((!commit_of.ok() && is_fetched) || reference == "HEAD") commit_of = run_git({"-C", into, "rev-parse", "-q", "--verify", "FETCH_HEAD^{commit}"});
    const std::string commit = TRY(std::move(commit_of), address.remote, ": reference '", reference, "'");
    TRY(check_commit(address, commit), address.remote);
    TRY(run_git({"-C", into, "checkout", "-q", "--detach", commit}), address.remote);
    if (address.submodules.value_or(true)) TRY(run_git({"-C", into, "submodule", "-q", "update", "--init", "--recursive", "--depth", "1"}), address.remote);
    const Fd folder = TRY(sys::open(into, O_RDONLY | O_DIRECTORY));
    if (!keeps_git_folder) TRY(remove_tree(folder, ".git"));
    const Root root = TRY(Root::open(into));
    const std::string inner = join_path("/", address.folder);
    TRY(root.open_beneath(inner, O_PATH | O_DIRECTORY), address.remote, ": folder '", address.folder, "'");
    return inner == "/" ? into : into + inner;
}

Result<std::string> fetch_tree(const std::string& url, const std::string& into) {
    if (is_git(url)) {
        const GitAddress address = TRY(parse_git(url));
        return clone_git(address, into, address.keeps_git_folder.value_or(false));
    }
    const Fd file = TRY(sys::open("/tmp", O_TMPFILE | O_RDWR, 0600));
    TRY(fetch_file(url, file));
    ::lseek(file.raw(), 0, SEEK_SET);
    const bool has_files = TRY(is_archive(file));
    ::lseek(file.raw(), 0, SEEK_SET);
    if (!has_files) {
        // docker: an address that is no archive is that of a Dockerfile.
        const std::string text = TRY(read_all(file, largest_dockerfile));
        const Fd folder = TRY(sys::open(into, O_RDONLY | O_DIRECTORY));
        TRY(replace_file(folder, "Dockerfile", text, 0644, Durability::boot));
        return into;
    }
    auto plain = TRY(image::open_decompressed(file));
    const Root root = TRY(Root::open(into));
    TRY(image::unpack(*plain, root, {}));
    return into;
}

}  // namespace berth::builder
