#pragma once
// What pull and push tell while they go: docker's line for each layer, with bars on a terminal.

#include <map>
#include <string>
#include <vector>

#include "base/clock.h"
#include "image/registry.h"

namespace berth::cli {

class TransferPrinter {
public:
    /// `descriptor`: 1 for pull and push, 2 for the pull that run makes on the way.
    TransferPrinter(int descriptor, bool quiet);
    void show(const image::TransferEvent& event);
    /// Draws the last state; later lines stand below.
    void finish();
    void line(std::string_view text) const;

private:
    std::string layer_line(const std::string& layer, const image::TransferEvent& event) const;
    void draw();

    int descriptor_;
    bool quiet_;
    bool is_live_;
    std::vector<std::pair<std::string, image::TransferEvent>> layers_;
    std::size_t drawn_lines_ = 0;
    Tick drawn_{};
    Tick start_{};
};

/// "[====>     ] ", empty where the terminal is narrow.
std::string progress_bar(std::int64_t current, std::int64_t total, std::size_t columns);

}  // namespace berth::cli
