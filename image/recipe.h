#pragma once
// Recipes: what it takes, beside a layer's files, to write the archive it came from again byte for byte (headers, padding,
// the order of members), so that its digest stays what the image says. recipe.zst is a zstd stream of
//   R <length> <bytes>    bytes of the archive
//   F <length> <path>     from here on content comes from this file below fs/
//   C <offset> <length>   content of that file
// with lengths as variable-size numbers. Files that a later member replaced lie in extra/; moves.json says which.

#include <memory>
#include <string>
#include <vector>

#include "base/fd.h"
#include "image/compression.h"
#include "image/unpack.h"

namespace berth::image {

class RecipeWriter final : public UnpackRecorder {
public:
    /// Records what is unpacked into fs/ of `folder`, which it borrows.
    static Result<std::unique_ptr<RecipeWriter>> create(const Fd& folder, const Fd& fs);

    Result<void> raw(std::string_view bytes) override;
    Result<void> content(std::int64_t offset, std::string_view bytes) override;
    Result<void> file(const Fd& parent, const std::string& name) override;
    Result<void> displace(const Fd& parent, const std::string& name) override;
    /// Completes recipe.zst.
    Result<void> finish();

private:
    RecipeWriter(const Fd& folder, Fd file, std::string root)
        : folder_(folder), file_(std::move(file)), root_(std::move(root)), sink_(file_), zstd_(make_zstd(sink_, 1)) {}
    Result<std::string> path_of(const Fd& parent, const std::string& name) const;
    Result<void> put(char kind, std::string_view bytes);
    Result<void> put_run();
    Result<void> flush();

    struct Move {
        std::int64_t before = 0;  ///< files recorded so far
        std::string from;
        std::string to;
    };
    const Fd& folder_;
    Fd file_;
    std::string root_;
    FdSink sink_;
    std::unique_ptr<Compressor> zstd_;
    std::string held_;
    bool has_file_ = false;
    std::int64_t run_offset_ = 0;
    std::int64_t run_length_ = 0;
    std::int64_t files_ = 0;
    std::vector<Move> moves_;
};

/// The archive again, from the recipe in `folder` (of a layer).
Result<void> write_by_recipe(const Fd& folder, ByteSink& sink);

}  // namespace berth::image
