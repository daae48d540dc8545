#include "builder/source.h"

#include <algorithm>
#include <cerrno>
#include <deque>

#include "base/file.h"
#include "builder/text.h"

namespace berth::builder {
namespace {

constexpr int most_links = 255;

std::string below(const std::string& folder, std::string_view name) {
    return folder.empty() ? std::string(name) : cat(folder, '/', name);
}

/// The path as the tree knows it: no leading slash, no "..", "" for the top.
std::string tree_path(std::string_view written) { return join_path("/", written).substr(1); }

bool is_hidden(const SourceTree& tree, std::string_view path) {
    return tree.ignored != nullptr && !path.empty() && tree.ignored->matches(path);
}

/// Walks one selected source. An excluded folder is entered when something below may come back; it is listed only then.
class Walker {
public:
    Walker(const SourceTree& tree, std::string root, const IgnoreMatcher* excluded, const IgnoreMatcher* included)
        : tree_(tree), root_(std::move(root)), excluded_(excluded), included_(included) {}

    Result<std::vector<SourceEntry>> run(const struct stat& status) {
        entries_.push_back({"", status, "", included_ != nullptr});
        if (S_ISDIR(status.st_mode)) {
            Fd folder = TRY(tree_.root.open_beneath(root_, O_RDONLY | O_DIRECTORY), root_);
            IgnoreMatcher::Parent hidden, excluded, included;
            // The matchers want to know about the parents of where the walk starts.
            if (tree_.ignored != nullptr && !root_.empty()) tree_.ignored->matches(root_, {}, hidden);
            TRY(walk(folder, "", {hidden, excluded, included}));
        }
        return std::move(entries_);
    }

private:
    struct Parents {
        IgnoreMatcher::Parent hidden, excluded, included;
    };

    Result<void> walk(const Fd& folder, const std::string& path, const Parents& above) {
        const std::vector<std::string> names = TRY(list_folder(folder), below(root_, path));
        for (const std::string& name : names) TRY(visit(folder, name, below(path, name), above));
        return {};
    }

    Result<void> visit(const Fd& folder, const std::string& name, const std::string& path, const Parents& above) {
        Parents own;
        const std::string in_tree = below(root_, path);
        const bool is_hidden = tree_.ignored != nullptr && tree_.ignored->matches(in_tree, above.hidden, own.hidden);
        const bool is_excluded = excluded_ != nullptr && excluded_->matches(path, above.excluded, own.excluded);
        const bool is_included = included_ == nullptr || included_->matches(path, above.included, own.included);
        const bool may_skip = (!is_hidden || tree_.ignored->may_prune(in_tree)) && (!is_excluded || excluded_->may_prune(path));
        if ((is_hidden || is_excluded) && may_skip) return {};

        const struct stat status = TRY(sys::fstatat(folder, name), in_tree);
        const bool is_wanted = is_included && !is_hidden && !is_excluded;
        const bool is_folder = S_ISDIR(status.st_mode);
        if (!is_wanted && !is_folder) return {};
        SourceEntry entry{path, status, "", !is_wanted};
        if (S_ISLNK(status.st_mode)) entry.link = TRY(sys::readlinkat(folder, name), in_tree);
        const std::size_t place = entries_.size();
        entries_.push_back(std::move(entry));
        if (!is_folder) return {};
        Fd inner = TRY(sys::openat(folder, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW), in_tree);
        TRY(walk(inner, path, own));
        if (!is_wanted && entries_.size() == place + 1) entries_.pop_back();
        return {};
    }

    const SourceTree& tree_;
    std::string root_;
    const IgnoreMatcher* excluded_;
    const IgnoreMatcher* included_;
    std::vector<SourceEntry> entries_;
};

Error nothing_there(const SourceTree& tree, const SelectRequest& request, const std::string& path) {
    Error error(Kind::not_found, cat("\"/", path, "\": not found in ", tree.description));
    if (is_hidden(tree, path)) return std::move(error).with_hint(cat("'", path, "' is excluded by .dockerignore"));
    if (request.source.starts_with("..") || request.source.find("/../") != std::string::npos)
        return std::move(error).with_hint("sources cannot lie outside of the build context");
    return error;
}

Result<std::optional<struct stat>> look(const Root& root, const std::string& path) {
    auto opened = root.open_beneath(path, O_PATH | O_NOFOLLOW);
    if (!opened.ok() && (opened.error().code() == ENOENT || opened.error().code() == ENOTDIR)) return std::optional<struct stat>();
    const Fd entry = TRY(std::move(opened));
    const struct stat status = TRY(sys::fstat(entry));
    return std::optional(status);
}

/// One path without wildcards: followed when it is a link, then walked.
Result<std::optional<Selection>> select_path(const SourceTree& tree, const SelectRequest& request, const std::string& path) {
    const auto resolved = TRY(resolve_in_tree(tree.root, path));
    if (!resolved) return std::optional<Selection>();
    const auto status = TRY(look(tree.root, *resolved));
    if (!status) return std::optional<Selection>();
    // A hidden folder may still hold what an exception brings back.
    const bool hides = is_hidden(tree, path) || is_hidden(tree, *resolved);
    if (hides && (!S_ISDIR(status->st_mode) || tree.ignored->may_prune(*resolved))) return std::optional<Selection>();
    Selection selection{*resolved, std::string(name_of(path)), {}};
    selection.entries = TRY(Walker(tree, *resolved, request.excluded, nullptr).run(*status));
    if (hides && selection.entries.size() == 1) return std::optional<Selection>();
    return std::optional(std::move(selection));
}

/// The folder above the first wildcard; nothing when it is not in the tree, or hidden with all that is in it.
Result<std::optional<std::string>> find_start(const SourceTree& tree, const std::string& path) {
    auto resolved = TRY(resolve_in_tree(tree.root, path));
    if (!resolved || !TRY(look(tree.root, *resolved))) return std::optional<std::string>();
    if (!resolved->empty() && is_hidden(tree, *resolved) && tree.ignored->may_prune(*resolved)) return std::optional<std::string>();
    return resolved;
}

/// Wildcards are matched against whole paths below the part that has none, in lexical order.
Result<std::vector<Selection>> select_wildcard(const SourceTree& tree, const SelectRequest& request, const std::string& path) {
    const std::size_t special = path.find_first_of("*?[\\");
    const std::size_t slash = path.rfind('/', special);
    const std::string fixed = slash == std::string::npos ? "" : path.substr(0, slash);
    const Glob glob = TRY(Glob::compile(std::string_view(path).substr(slash == std::string::npos ? 0 : slash + 1), Glob::Dialect::path));
    const auto depth = std::count(glob.text().begin(), glob.text().end(), '/');
    std::vector<Selection> selections;
    const auto start = TRY(find_start(tree, fixed));
    // A pattern may match nothing; the folder that it is about has to be there (BuildKit: the same).
    if (!start) return nothing_there(tree, request, fixed);

    std::function<Result<void>(const Fd&, const std::string&, std::ptrdiff_t)> search =
        [&](const Fd& folder, const std::string& inner, std::ptrdiff_t left) -> Result<void> {
        const std::vector<std::string> names = TRY(list_folder(folder), below(*start, inner));
        for (const std::string& name : names) {
            const std::string found = below(inner, name);
            if (left > 0) {
                const auto next = sys::openat(folder, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
                if (next.ok()) TRY(search(next.value(), found, left - 1));
                continue;
            }
            if (!glob.matches(found)) continue;
            const std::string path_in_tree = below(*start, found);
            auto selection = TRY(select_path(tree, request, path_in_tree));
            // A link that leads nowhere fails as it does by its name (BuildKit: the same).
            if (!selection && !is_hidden(tree, path_in_tree)) return nothing_there(tree, request, path_in_tree);
            if (selection) selections.push_back(std::move(*selection));
        }
        return {};
    };
    const auto folder = tree.root.open_beneath(*start, O_RDONLY | O_DIRECTORY);
    if (folder.ok()) TRY(search(folder.value(), "", depth));
    return selections;
}

/// --parents: everything below the pivot whose path matches, with the folders above it.
Result<std::vector<Selection>> select_with_parents(const SourceTree& tree, const SelectRequest& request) {
    const std::size_t pivot = request.source.find("/./");
    const std::string top = pivot == std::string::npos ? "" : tree_path(request.source.substr(0, pivot));
    const std::string pattern = tree_path(pivot == std::string::npos ? request.source : request.source.substr(pivot + 3));
    const auto resolved = TRY(resolve_in_tree(tree.root, top));
    const bool has_wildcards = has_wildcard(top) || has_wildcard(pattern);
    std::vector<Selection> selections;
    std::optional<struct stat> status;
    if (resolved) status = TRY(look(tree.root, *resolved));
    if (status) {
        const IgnoreMatcher included = TRY(IgnoreMatcher::compile({pattern.empty() ? "**" : pattern}));
        Selection selection{*resolved, "", {}};
        selection.entries = TRY(Walker(tree, *resolved, request.excluded, &included).run(*status));
        if (selection.entries.size() > 1) selections.push_back(std::move(selection));
    }
    if (selections.empty() && !has_wildcards) return nothing_there(tree, request, below(top, pattern));
    return selections;
}

}  // namespace

Result<std::optional<std::string>> resolve_in_tree(const Root& root, std::string_view path) {
    std::deque<std::string> left;
    const auto push_front = [&](std::string_view text) {
        std::vector<std::string> parts = split(text, '/');
        left.insert(left.begin(), parts.begin(), parts.end());
    };
    push_front(path);
    std::string current;
    for (int links = 0; !left.empty();) {
        const std::string part = std::move(left.front());
        left.pop_front();
        if (part.empty() || part == ".") continue;
        if (part == "..") {
            current = parent_of(current);
            continue;
        }
        const std::string next = below(current, part);
        const auto status = TRY(look(root, next));
        if (!status) return std::optional<std::string>();
        if (!S_ISLNK(status->st_mode)) {
            current = next;
            continue;
        }
        if (++links > most_links) return Error::of_errno(ELOOP, std::string(path));
        const Fd link = TRY(root.open_beneath(next, O_PATH | O_NOFOLLOW));
        const std::string target = TRY(sys::readlinkat(link, ""));
        if (target.starts_with('/')) current.clear();
        push_front(target);
    }
    return std::optional(std::move(current));
}

Result<std::vector<Selection>> select_source(const SourceTree& tree, const SelectRequest& request) {
    if (request.parents) return select_with_parents(tree, request);
    const std::string path = tree_path(request.source);
    if (has_wildcard(path)) return select_wildcard(tree, request, path);
    auto selection = TRY(select_path(tree, request, path));
    std::vector<Selection> selections;
    // A backslash is part of the name (BuildKit), or else it escapes what follows.
    if (!selection && path.find('\\') != std::string::npos) selections = TRY(select_wildcard(tree, request, path));
    if (!selections.empty()) return selections;
    if (!selection) return nothing_there(tree, request, path);
    selections.push_back(std::move(*selection));
    return selections;
}

}  // namespace berth::builder
