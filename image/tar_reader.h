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
    /// `raw` sees every byte of the archive in order, content included, when it is not null (recipes are made so).
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

private:
    struct Headers;
    struct Extent {
        std::int64_t offset = 0;
        std::int64_t length = 0;
    };
    Result<bool> read_block(std::array<char, 512>& block);
    Result<std::string_view> fill(std::size_t wanted);
    Result<void> finish_entry();
    Result<std::string> read_body(std::int64_t size, std::int64_t limit);
    Result<std::optional<TarEntry>> make_entry(const std::array<char, 512>& block, Headers& headers);
    Result<void> read_sparse(const std::array<char, 512>& block, Headers& headers, TarEntry& entry, std::int64_t stored);
    Result<void> read_sparse_gnu(const std::array<char, 512>& block);
    Result<void> read_sparse_map_block();
    Result<void> set_extents(std::vector<Extent> extents, std::int64_t stored, std::int64_t real_size);

    ByteSource& source_;
    Observer* observer_;
    std::vector<char> buffer_;
    std::size_t begin_ = 0;
    std::size_t end_ = 0;
    bool at_end_ = false;
    std::int64_t entries_ = 0;
    std::int64_t stored_left_ = 0;  ///< stored bytes of the current content still to read
    std::int64_t padding_ = 0;
    std::vector<Extent> extents_;
    std::size_t extent_ = 0;
    std::int64_t extent_done_ = 0;
};

}  // namespace berth::image
