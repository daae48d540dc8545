#pragma once
// The steps of a build as progress shows them: numbered in the order in which they began, whoever works on them, with
// the last lines of each kept for the report of a failure.

#include <map>
#include <string>
#include <vector>

#include "builder/reporter.h"

namespace berth::builder {

class StepLog final : public Reporter {
public:
    explicit StepLog(Progress& progress) : progress_(progress) {}

    int started(const std::string& name, int first_line, int last_line) override;
    void cached(const std::string& name, int first_line, int last_line) override;
    void done(int step) override;
    void failed(int step, const StepFailure& failure) override;
    void output(int step, Stream stream, std::string_view bytes) override;
    void part_done(int step, std::string_view what);
    Progress& progress() { return progress_; }
    /// Steps that began and did not end.
    void cancel_open();

private:
    struct Open {
        Step step;
        Tick start;
        std::string last_output;
    };
    Open take(int step);
    Progress& progress_;
    std::map<int, Open> open_;
    int count_ = 0;
};

}  // namespace berth::builder
