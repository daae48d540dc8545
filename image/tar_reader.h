#pragma once
// A strict reader of tar archives: ustar, PAX and GNU (long names, base-256 numbers, sparse files of all four forms).
// Whatever two readers could understand differently is refused (facts: PAX size against ustar size, headers with a wrong
// sum, unknown types, NUL in names, records that do not parse): an archive means one thing or it is an error.

#include <array>
#include <optional>
#include <vector>

#include "image/stream.h"
#include "image/tar_entry.h"

namespace berth::image {

class TarReader {
public:
    /// Sees every byte of the archive in order: recipes are made so.
    struct Observer {
        virtual ~Observer() = default;
        /// Headers, padding, and what stands behind the end.
        virtual Result<void> raw(std::string_view bytes) = 0;
        /// Content of the current entry that the reader's caller gets at `offset` of the (expanded) file.
        virtual Result<void> content(std::int64_t offset, std::string_view bytes) = 0;
    };
    explicit TarReader(ByteSource& source, Observer* observer = nullptr);

    /// The next member, nothing at the end. Content of the previous one that was not read is skipped. Kind::corrupt.
    Result<std::optional<TarEntry>> next();
    /// A piece of the current file's content: `offset` says where in the file it belongs. Between pieces are holes. The
    /// bytes live until the next call. Nothing at the end of the content.
    struct Piece {
        std::int64_t offset = 0;
        std::string_view bytes;
    };
    Result<std::optional<Piece>> read_content();
    /// Reads what stands behind the archive's end to the end of the stream (a digest of the stream covers it).
    Result<void> drain();
    /// After next() returned nothing: whether the end was marked by blocks of zeros. Some writers leave them out, and so does
    /// a file that was cut off between two members.
    bool has_end_mark() const { return has_end_mark_; }

private:
    /// Content as it is stored: file offsets, ascending, with holes between.
    struct Extent {
        std::int64_t offset = 0;
        std::int64_t length = 0;
    };
    /// What L, K and x headers said about the member that follows.
    struct Pending {
        std::string name;
        std::string link;
        std::vector<std::pair<std::string, std::string>> pax;
        bool has_name = false;
        bool has_link = false;
        bool has_pax = false;
        bool any() const { return has_name || has_link || has_pax; }
    };
    struct Sparse;
    using Block = std::array<char, 512>;

    Result<std::size_t> fill(std::size_t wanted);
    Result<void> take_raw(std::size_t size);
    Result<bool> read_block(Block& block);
    Result<bool> read_header(Block& block);
    Result<std::string> read_body(const Block& block, std::string_view what);
    Result<bool> read_extension(const Block& block, char type, Pending& pending);
    Result<TarEntry> make_entry(const Block& block, char type, Pending& pending);
    Result<void> read_gnu_sparse(const Block& block, Sparse& sparse);
    Result<void> read_map_1_0(Sparse& sparse, std::int64_t& stored);
    Result<void> set_content(Sparse& sparse, bool is_sparse, std::int64_t stored, std::int64_t& size);
    Result<void> finish_entry();

    ByteSource& source_;
    Observer* observer_;
    std::vector<char> buffer_;
    std::size_t begin_ = 0;
    std::size_t end_ = 0;
    bool at_end_ = false;
    bool has_end_mark_ = false;
    bool is_done_ = false;
    std::vector<Extent> extents_;  ///< of the current content, what is still to come from extent_ on
    std::size_t extent_ = 0;
    std::int64_t padding_ = 0;
};

}  // namespace berth::image
