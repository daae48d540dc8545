#include "image/recipe.h"

#include <algorithm>
#include <cerrno>
#include <charconv>

#include <fcntl.h>
#include <unistd.h>

#include "base/file.h"
#include "base/json.h"
#include "base/root.h"

namespace berth::image {
namespace {

constexpr std::size_t hold_bytes = 128u << 10;
constexpr std::size_t read_bytes = 256u << 10;
constexpr std::uint64_t longest_record = 1u << 30;

struct MoveRecord {
    std::int64_t before = 0;
    std::string path;  ///< as escaped() writes it
    std::string from;  ///< instead of `path`, in layers made before there was one
    std::string to;
};
template <class Io>
void fields(Io& io, MoveRecord& m) {
    io.required("before", m.before);
    io.optional("path", m.path);
    io.optional("from", m.from);
    io.required("to", m.to);
}

/// Names are bytes, JSON holds UTF-8 only: '%' and what is beyond ASCII as %XX.
std::string escaped(std::string_view path) {
    constexpr std::string_view digits = "0123456789ABCDEF";
    std::string out;
    for (const char c : path) {
        const auto byte = static_cast<unsigned char>(c);
        if (byte < 0x80 && c != '%') out += c;
        else out += {'%', digits[byte >> 4], digits[byte & 15]};
    }
    return out;
}

Result<std::string> unescaped(std::string_view text) {
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] != '%') {
            out += text[i];
            continue;
        }
        unsigned byte = 0;
        const std::string_view code = text.substr(i + 1, 2);
        const auto [end, error] = std::from_chars(code.data(), code.data() + code.size(), byte, 16);
        if (error != std::errc() || code.size() != 2 || end != code.data() + 2) return Error(Kind::corrupt, "moves.json is damaged");
        out += static_cast<char>(byte);
        i += 2;
    }
    return out;
}

/// Seven bits a byte, lowest first, the high bit says that more follow.
void append_number(std::string& out, std::uint64_t number) {
    for (; number >= 0x80; number >>= 7) out.push_back(static_cast<char>(number | 0x80));
    out.push_back(static_cast<char>(number));
}

Error corrupt() { return Error(Kind::corrupt, "recipe is damaged"); }

/// Plays a recipe.
class Player {
public:
    Player(ByteSource& recipe, const Fd& folder, Root fs, ByteSink& sink)
        : recipe_(recipe), folder_(folder), fs_(std::move(fs)), sink_(sink), input_(read_bytes, '\0'), copied_(read_bytes, '\0') {}
    Result<void> load_moves();
    Result<void> run();

private:
    Result<bool> refill();
    Result<std::uint64_t> number();
    Result<std::string> text(std::uint64_t length);
    Result<void> pass(std::uint64_t length);
    Result<void> open_file(const std::string& path);
    Result<void> copy(std::uint64_t offset, std::uint64_t length);

    ByteSource& recipe_;
    const Fd& folder_;
    Root fs_;
    ByteSink& sink_;
    std::string input_;
    std::string copied_;
    std::string_view rest_;
    std::vector<MoveRecord> moves_;
    std::int64_t files_ = 0;
    Fd file_;
};

Result<void> Player::load_moves() {
    Result<std::string> text = read_file(folder_, "moves.json");
    if (!text.ok()) return text.error().code() == ENOENT ? Result<void>() : std::move(text).error();
    const Json document = TRY(parse_json(text.value()));
    moves_ = TRY(from_json<std::vector<MoveRecord>>(document));
    for (MoveRecord& move : moves_)
        if (!move.path.empty()) move.from = TRY(unescaped(move.path));
    return {};
}

/// False at the end.
Result<bool> Player::refill() {
    if (!rest_.empty()) return true;
    const std::size_t got = TRY(recipe_.read(input_));
    rest_ = std::string_view(input_).substr(0, got);
    return got != 0;
}

Result<std::uint64_t> Player::number() {
    std::uint64_t value = 0;
    for (unsigned shift = 0; shift < 63; shift += 7) {
        if (!TRY(refill())) return corrupt();
        const unsigned char byte = static_cast<unsigned char>(rest_[0]);
        rest_.remove_prefix(1);
        value |= std::uint64_t{byte & 0x7fu} << shift;
        if (byte < 0x80) return value;
    }
    return corrupt();
}

Result<std::string> Player::text(std::uint64_t length) {
    if (length > 2 * PATH_MAX) return corrupt();
    std::string out;
    while (out.size() < length) {
        if (!TRY(refill())) return corrupt();
        const std::string_view part = rest_.substr(0, length - out.size());
        out += part;
        rest_.remove_prefix(part.size());
    }
    return out;
}

Result<void> Player::pass(std::uint64_t length) {
    if (length > longest_record) return corrupt();
    while (length > 0) {
        if (!TRY(refill())) return corrupt();
        const std::string_view part = rest_.substr(0, length);
        TRY(sink_.write(part));
        rest_.remove_prefix(part.size());
        length -= part.size();
    }
    return {};
}

Result<void> Player::open_file(const std::string& path) {
    const std::int64_t index = files_++;
    for (const MoveRecord& move : moves_) {
        const bool is_below = path.size() > move.from.size() && path.starts_with(move.from) && path[move.from.size()] == '/';
        if (index >= move.before || (path != move.from && !is_below)) continue;
        Fd folder = TRY(folder_.duplicate());
        const Root extra = TRY(Root::of(std::move(folder)));
        file_ = TRY(extra.open_beneath(move.to + path.substr(move.from.size()), O_RDONLY | O_NOFOLLOW), path);
        return {};
    }
    file_ = TRY(fs_.open_beneath(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK), path);
    return {};
}

Result<void> Player::copy(std::uint64_t offset, std::uint64_t length) {
    if (!file_.valid()) return corrupt();
    while (length > 0) {
        const std::size_t wanted = std::min<std::size_t>(copied_.size(), length);
        const ssize_t got = ::pread(file_.raw(), copied_.data(), wanted, static_cast<off_t>(offset));
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return Error::of_errno(errno, "read a layer's file");
        if (got == 0) return Error(Kind::corrupt, "a layer's file is too short");
        TRY(sink_.write({copied_.data(), static_cast<std::size_t>(got)}));
        offset += static_cast<std::uint64_t>(got);
        length -= static_cast<std::uint64_t>(got);
    }
    return {};
}

Result<void> Player::run() {
    while (true) {
        if (!TRY(refill())) return {};
        const char kind = rest_[0];
        rest_.remove_prefix(1);
        const std::uint64_t first = TRY(number());
        if (kind == 'R') {
            TRY(pass(first));
        } else if (kind == 'F') {
            const std::string path = TRY(text(first));
            TRY(open_file(path));
        } else if (kind == 'C') {
            const std::uint64_t length = TRY(number());
            TRY(copy(first, length));
        } else {
            return corrupt();
        }
    }
}

}  // namespace

Result<std::unique_ptr<RecipeWriter>> RecipeWriter::create(const Fd& folder, const Fd& fs) {
    Fd file = TRY(sys::openat(folder, "recipe.zst", O_WRONLY | O_CREAT | O_EXCL, 0600), "recipe");
    std::string root = TRY(sys::readlinkat(sys::here(), cat("/proc/self/fd/", fs.raw())), "recipe");
    return std::unique_ptr<RecipeWriter>(new RecipeWriter(folder, std::move(file), std::move(root)));
}

/// Where a file lies below fs/, whatever links led there.
Result<std::string> RecipeWriter::path_of(const Fd& parent, const std::string& name) const {
    const std::string folder = TRY(sys::readlinkat(sys::here(), cat("/proc/self/fd/", parent.raw())), "recipe");
    if (folder == root_) return name;
    if (!folder.starts_with(root_ + "/")) return Error(Kind::internal, cat("recipe: ", folder, " is not below ", root_));
    return cat(std::string_view(folder).substr(root_.size() + 1), "/", name);
}

Result<void> RecipeWriter::flush() { return zstd_->write(std::exchange(held_, {})); }

Result<void> RecipeWriter::put(char kind, std::string_view bytes) {
    held_.push_back(kind);
    append_number(held_, bytes.size());
    held_ += bytes;
    return held_.size() < hold_bytes ? Result<void>() : flush();
}

Result<void> RecipeWriter::put_run() {
    if (run_length_ == 0) return {};
    held_.push_back('C');
    append_number(held_, static_cast<std::uint64_t>(run_offset_));
    append_number(held_, static_cast<std::uint64_t>(run_length_));
    run_length_ = 0;
    return {};
}

Result<void> RecipeWriter::raw(std::string_view bytes) {
    TRY(put_run());
    has_file_ = false;
    return put('R', bytes);
}

Result<void> RecipeWriter::content(std::int64_t offset, std::string_view bytes) {
    // Content that went nowhere, since its member was left out.
    if (!has_file_) return put('R', bytes);
    if (run_length_ == 0 || offset != run_offset_ + run_length_) {
        TRY(put_run());
        run_offset_ = offset;
    }
    run_length_ += static_cast<std::int64_t>(bytes.size());
    return {};
}

Result<void> RecipeWriter::file(const Fd& parent, const std::string& name) {
    TRY(put_run());
    has_file_ = true;
    ++files_;
    const std::string path = TRY(path_of(parent, name));
    return put('F', path);
}

Result<void> RecipeWriter::displace(const Fd& parent, const std::string& name) {
    std::string path = TRY(path_of(parent, name));
    if (moves_.empty()) TRY(sys::mkdirat(folder_, "extra", 0700));
    std::string to = cat("extra/", moves_.size());
    TRY(sys::renameat(parent, name, folder_, to));
    moves_.push_back({files_, std::move(path), std::move(to)});
    return {};
}

Result<void> RecipeWriter::finish() {
    TRY(put_run());
    TRY(flush());
    TRY(zstd_->finish());
    TRY(sink_.flush(), "recipe");
    TRY(file_.close(), "recipe");
    if (moves_.empty()) return {};
    std::vector<MoveRecord> records;
    for (const Move& move : moves_) records.push_back({move.before, escaped(move.from), {}, move.to});
    return replace_file(folder_, "moves.json", json_text(to_json(records)), 0600, Durability::boot);
}

Result<void> write_by_recipe(const Fd& folder, ByteSink& sink) {
    const Fd file = TRY(sys::openat(folder, "recipe.zst", O_RDONLY), "recipe");
    Fd fs = TRY(sys::openat(folder, "fs", O_PATH | O_DIRECTORY), "recipe");
    Root root = TRY(Root::of(std::move(fs)));
    const std::unique_ptr<FdSource> compressed = TRY(FdSource::open(file));
    const std::unique_ptr<ByteSource> recipe = make_unzstd(*compressed);
    Player player(*recipe, folder, std::move(root), sink);
    TRY(player.load_moves());
    return player.run();
}

}  // namespace berth::image
