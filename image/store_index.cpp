#include "image/store_index.h"

#include <algorithm>
#include <charconv>

#include "image/store_files.h"

namespace berth::image {
namespace {

constexpr const char* file_name = "images.index";
constexpr std::size_t worth_it = 32;
// Times of folders may be as coarse as a tick of the kernel: a change within it would not show.
constexpr std::int64_t settled_nanoseconds = 50'000'000;

std::int64_t nanoseconds(const timespec& time) { return time.tv_sec * 1'000'000'000ll + time.tv_nsec; }

/// One image a line, its parts separated by tabs, lists by spaces.
void append_line(std::string& out, const Store::Listed& image) {
    out += cat(image.id.hex(), "\t", image.record.size, "\t", image.record.created.nanoseconds, "\t", image.record.parent, "\t");
    for (const std::string& layer : image.record.layers) out += cat(layer, " ");
    out += '\t';
    for (const auto* list : {&image.names, &image.digests})
        for (const Reference& name : *list) out += cat(name.full(), " ");
    out += '\t';
    if (!image.record.labels.empty()) out += json_text(to_json(image.record.labels));
    out += '\n';
}

std::string_view take(std::string_view& rest, char separator) {
    const std::size_t end = std::min(rest.find(separator), rest.size());
    const std::string_view part = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    return part;
}

std::optional<std::int64_t> number(std::string_view text) {
    std::int64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    return error == std::errc() && end == text.data() + text.size() ? std::optional(value) : std::nullopt;
}

std::optional<Store::Listed> parse_line(std::string_view line) {
    Result<ImageId> id = ImageId::parse(take(line, '\t'));
    const auto size = number(take(line, '\t')), created = number(take(line, '\t'));
    if (!id.ok() || !size || !created) return {};
    Store::Listed image{std::move(id).value(), {}, {}, {}, false};
    image.record.size = *size;
    image.record.created = Moment{*created};
    image.record.parent = take(line, '\t');
    for (std::string_view layers = take(line, '\t'); !layers.empty();) image.record.layers.emplace_back(take(layers, ' '));
    for (std::string_view names = take(line, '\t'); !names.empty();) {
        Result<Reference> name = Reference::parse(take(names, ' '));
        if (!name.ok()) return {};
        (name.value().digest().empty() ? image.names : image.digests).push_back(std::move(name).value());
    }
    if (line.empty()) return image;
    const Result<Json> labels = parse_json(line);
    Result<std::map<std::string, std::string>> map =
        labels.ok() ? from_json<std::map<std::string, std::string>>(labels.value()) : Result<std::map<std::string, std::string>>(Error(Kind::corrupt, "labels"));
    if (!map.ok()) return {};
    image.record.labels = std::move(map).value();
    return image;
}

}  // namespace

Result<std::string> index_stamp(const Store& store) {
    std::string stamp = "1";  // The version of the format.
    for (const char* part : {"images", "refs"}) {
        const struct stat status = TRY(sys::fstatat(store.folder(), part));
        stamp += cat(" ", status.st_ino, ":", nanoseconds(status.st_mtim));
    }
    return stamp;
}

std::optional<std::vector<Store::Listed>> load_index(const Store& store, const std::string& stamp) {
    const Result<std::string> text = read_file(store.folder(), file_name);
    if (!text.ok()) return {};
    std::string_view rest = text.value();
    if (take(rest, '\n') != stamp) return {};
    std::vector<Store::Listed> list;
    // The last line says that the file is whole.
    while (true) {
        const std::string_view line = take(rest, '\n');
        if (line == "end") return list;
        std::optional<Store::Listed> image = parse_line(line);
        if (!image) return {};
        list.push_back(std::move(*image));
    }
}

void store_index(const Store& store, const std::string& stamp, const std::vector<Store::Listed>& list) {
    if (list.size() < worth_it) return;
    const std::int64_t latest = now().nanoseconds - settled_nanoseconds;
    for (const char* part : {"images", "refs"}) {
        const Result<struct stat> status = sys::fstatat(store.folder(), part);
        if (!status.ok() || nanoseconds(status.value().st_mtim) > latest) return;
    }
    const Result<std::string> after = index_stamp(store);
    if (!after.ok() || after.value() != stamp) return;
    std::string text = stamp + "\n";
    for (const Store::Listed& image : list) append_line(text, image);
    text += "end\n";
    // Whoever sweeps just now will not be waited for: the next list makes the index.
    const Result<DirLock> gc = DirLock::try_at(store.folder(), "locks/gc.lock", LockMode::shared);
    if (gc.ok()) ignore(publish_file(store, store.folder(), file_name, text, Durability::boot), "without an index everything works");
}

}  // namespace berth::image
