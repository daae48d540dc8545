#include "cli/transfer_progress.h"

#include <algorithm>

#include <unistd.h>

#include "base/visible.h"
#include "cli/session.h"
#include "cli/terminal.h"
#include "cli/texts.h"

namespace berth::cli {

TransferPrinter::TransferPrinter(int descriptor, bool quiet)
    : descriptor_(descriptor),
      quiet_(quiet),
      is_live_(!quiet && is_terminal(descriptor) && wants_colour(descriptor)),
      start_(tick_now()) {}

std::string progress_bar(std::int64_t current, std::int64_t total, std::size_t columns) {
    if (total <= 0) return cat(decimal_size(current));
    std::string bar;
    // docker: a bar only where the line has room for it.
    if (columns > 110) {
        const auto filled = static_cast<std::size_t>(std::clamp<std::int64_t>(current * 50 / total, 0, 50));
        bar = cat("[", std::string(filled, '='), filled < 50 ? ">" : "", std::string(filled < 50 ? 49 - filled : 0, ' '), "]  ");
    }
    return cat(bar, decimal_size(current), "/", decimal_size(total));
}

std::string TransferPrinter::layer_line(const std::string& layer, const image::TransferEvent& event) const {
    const std::string amount =
        event.current > 0 || event.total > 0 ? cat(" ", progress_bar(event.current, event.total, terminal_columns())) : "";
    return cat(layer, ": ", event.status, is_live_ ? amount : "");
}

void TransferPrinter::line(std::string_view text) const {
    if (quiet_) return;
    const std::string whole = cat(text, "\n");
    descriptor_ == STDOUT_FILENO ? print(whole) : tell(whole);
}

void TransferPrinter::show(const image::TransferEvent& event) {
    if (quiet_) return;
    if (event.layer.empty()) {
        if (!is_live_) line(event.status);
        return;
    }
    const auto known = std::ranges::find(layers_, event.layer, [](const auto& entry) { return entry.first; });
    const bool is_news = known == layers_.end() || known->second.status != event.status;
    if (known == layers_.end())
        layers_.emplace_back(event.layer, event);
    else
        known->second = event;
    if (!is_live_ && is_news) line(layer_line(event.layer, event));
    const Tick now = tick_now();
    if (!is_live_ || (!is_news && now - drawn_ < Duration::of_milliseconds(50))) return;
    drawn_ = now;
    draw();
}

void TransferPrinter::draw() {
    std::string out = drawn_lines_ > 0 ? cat("\x1b[", drawn_lines_, "A") : "";
    std::int64_t current = 0;
    std::int64_t total = 0;
    for (const auto& [layer, event] : layers_) {
        out += cat("\x1b[2K", shortened(visible_text(layer_line(layer, event)), terminal_columns() - 1), "\n");
        current += event.current;
        total += event.total;
    }
    // One line for the whole, which docker leaves to the reader to add up.
    const std::int64_t seconds = std::max<std::int64_t>((tick_now() - start_).milliseconds(), 1);
    out +=
        cat("\x1b[2K",
            total > 0 ? cat("Total: ", progress_bar(current, total, 0), ", ", decimal_size(current * 1000 / seconds), "/s") : "",
            "\n");
    drawn_lines_ = layers_.size() + 1;
    pass_on(descriptor_, out);
}

void TransferPrinter::finish() {
    if (!is_live_ || layers_.empty()) return;
    draw();
    // The line of the total has done its work.
    pass_on(descriptor_, "\x1b[1A\x1b[2K");
}

}  // namespace berth::cli
