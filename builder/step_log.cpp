#include "builder/step_log.h"

namespace berth::builder {
namespace {

constexpr std::size_t kept_output = 8192;

}  // namespace

int StepLog::started(const std::string& name, int first_line, int last_line) {
    const int number = ++count_;
    const Open& opened = open_.emplace(number, Open{{number, name, first_line, last_line}, tick_now(), ""}).first->second;
    progress_.started(opened.step);
    return number;
}

StepLog::Open StepLog::take(int step) {
    const auto found = open_.find(step);
    if (found == open_.end()) bug("a step ended that had not begun");
    Open taken = std::move(found->second);
    open_.erase(found);
    return taken;
}

void StepLog::cached(const std::string& name, int first_line, int last_line) { progress_.cached({++count_, name, first_line, last_line}); }

void StepLog::done(int step) {
    const Open taken = take(step);
    progress_.done(taken.step, tick_now() - taken.start);
}

void StepLog::failed(int step, const StepFailure& failure) {
    Open taken = take(step);
    StepFailure full = failure;
    full.last_output = std::move(taken.last_output);
    progress_.failed(taken.step, full, tick_now() - taken.start);
}

void StepLog::output(int step, Stream stream, std::string_view bytes) {
    const auto found = open_.find(step);
    if (found == open_.end()) return;
    Open& opened = found->second;
    progress_.output(opened.step, stream, bytes, tick_now() - opened.start);
    opened.last_output += bytes;
    if (opened.last_output.size() > 2 * kept_output) opened.last_output.erase(0, opened.last_output.size() - kept_output);
}

void StepLog::part_done(int step, std::string_view what) {
    if (const auto found = open_.find(step); found != open_.end()) progress_.part_done(found->second.step, what);
}

void StepLog::cancel_open() {
    while (!open_.empty()) progress_.canceled(take(open_.begin()->first).step);
}

}  // namespace berth::builder
