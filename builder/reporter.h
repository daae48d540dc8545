#pragma once
// How a step tells what happens to it: straight to the progress, or from a worker over its socket (worker.h).

#include <string>

#include "builder/build.h"

namespace berth::builder {

class Reporter {
public:
    virtual ~Reporter() = default;
    /// A new step begins; the number names it in the calls that follow.
    virtual int started(const std::string& name, int first_line, int last_line) = 0;
    /// A step whose result was there already: that is all there is to say of it.
    virtual void cached(const std::string& name, int first_line, int last_line) = 0;
    virtual void done(int step) = 0;
    virtual void failed(int step, const StepFailure& failure) = 0;
    virtual void output(int step, Stream stream, std::string_view bytes) = 0;
};

}  // namespace berth::builder
