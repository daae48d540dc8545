#include "container/copy_place.h"

#include <cerrno>

#include "base/cat.h"
#include "base/sys.h"
#include "container/copy.h"

namespace berth::container {

namespace {

constexpr int most_links = 40;  // As the kernel: more on one way are a loop.

bool ends_in_dot(std::string_view path) { return path == "." || path.ends_with("/."); }

bool is_dots(std::string_view name) { return name.empty() || name == "." || name == ".."; }

/// "a/b//" is "a/b", "/" stays.
std::string without_slashes(std::string path) {
    while (path.size() > 1 && path.back() == '/') path.pop_back();
    return path;
}

std::string folder_of(const std::string& path) {
    const std::size_t slash = path.rfind('/');
    return slash == std::string::npos ? "." : path.substr(0, slash + 1);
}

std::string last_of(const std::string& path) {
    const std::size_t slash = path.rfind('/');
    return slash == std::string::npos ? path : path.substr(slash + 1);
}

/// A folder that has no name to be found under: "/", ".", "..", "a/..".
Result<void> take_folder(const Root& root, const std::string& path, CopyEnd& end) {
    end.item = TRY(root.open_at(path, O_PATH | O_DIRECTORY));
    end.status = TRY(sys::fstat(end.item));
    end.folder = TRY(end.item.duplicate());
    end.name = ".";
    return {};
}

}  // namespace

Result<CopyEnd> look_up_end(const Root& root, const std::string& path, LastLink last) {
    CopyEnd end;
    end.asserts_folder = path.ends_with('/') || ends_in_dot(path);
    end.contents_only = ends_in_dot(path);
    std::string current = without_slashes(ends_in_dot(path) ? path.substr(0, path.size() - 1) : path);
    if (current.empty()) current = ".";
    end.title = last_of(clean_path(current));
    if (end.title.empty() || is_dots(end.title)) end.contents_only = true;

    for (int links = 0; links <= most_links; ++links) {
        if (current == "/" || is_dots(last_of(current))) {
            TRY(take_folder(root, current, end));
            return end;
        }
        Root::Parent parent = TRY(root.open_parent(current));
        auto item = sys::openat(parent.folder, parent.name, O_PATH | O_NOFOLLOW);
        if (!item.ok() && item.error().code() != ENOENT) return std::move(item).error();
        end.folder = std::move(parent.folder);
        end.name = parent.name;
        if (!item.ok()) return end;
        end.status = TRY(sys::fstat(item.value()));
        if (S_ISLNK(end.status.st_mode) && (last == LastLink::follow || end.asserts_folder)) {
            // Relative to where the link stands; the next look-up resolves it inside the root again.
            const std::string target = TRY(sys::readlinkat(item.value(), ""));
            current = without_slashes(target.starts_with('/') ? target : cat(folder_of(current), target));
            continue;
        }
        if (end.asserts_folder && !S_ISDIR(end.status.st_mode)) return Error::of_errno(ENOTDIR, path);
        end.item = std::move(item).value();
        return end;
    }
    return Error::of_errno(ELOOP, path);
}

Result<CopyAction> plan_copy(const CopyFacts& facts) {
    if (facts.target_is_folder) {
        const bool merges = facts.source_is_folder && facts.contents_only;
        return merges ? CopyAction::into_contents : CopyAction::into_folder;
    }
    if (facts.target_exists && facts.source_is_folder) return Error(Kind::invalid, "cannot copy directory");
    if (facts.target_exists && facts.target_asserts_folder) return Error(Kind::invalid, "not a directory");
    if (!facts.target_exists && !facts.source_is_folder && facts.target_asserts_folder)
        return Error(Kind::not_found, "no such directory");
    return CopyAction::as_name;
}

CopyPlace parse_copy_place(std::string_view text) {
    if (text == "-") return {CopyPlace::Kind::stream, {}, {}};
    const bool is_host = text.starts_with('/') || text.starts_with('.');
    const std::size_t colon = is_host ? std::string_view::npos : text.find(':');
    if (colon == std::string_view::npos) return {CopyPlace::Kind::host, {}, std::string(text)};
    return {CopyPlace::Kind::container, std::string(text.substr(0, colon)), std::string(text.substr(colon + 1))};
}

}  // namespace berth::container
