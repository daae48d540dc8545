#pragma once
// Walks one stage from FROM to its end: configuration in memory, layers through the cache or by doing the work. It can stop
// where the cache ends and go on later in another process, which has its memory by fork.

#include <string>
#include <vector>

#include "builder/step.h"
#include "builder/step_cache.h"

namespace berth::builder {

class StageRunner {
public:
    StageRunner(Session& session, std::size_t stage, Siblings siblings);

    enum class Outcome { done, stopped };
    /// As far as the cache and the finished stages go, without doing any work.
    Result<Outcome> walk_cache(Reporter& reporter);
    /// To the end. RUN writes to the two descriptors.
    Result<void> work(Reporter& reporter, const Fd& output, const Fd& error_output);

    /// Where finished stages are looked for from now on.
    void set_siblings(Siblings siblings) { siblings_ = std::move(siblings); }
    std::size_t stage() const { return stage_; }
    const StageState& state() const { return state_; }
    bool is_done() const { return has_started_ && next_ == instructions_.size(); }

private:
    struct Way {
        Reporter& reporter;
        bool does_work;
        const Fd* output;
        const Fd* error_output;
    };
    Result<Outcome> run(const Way& way);
    Result<Outcome> start(const Way& way);
    Result<Outcome> start_from_folder(const Way& way);
    Result<Outcome> visit(const Way& way, const Instruction& written);
    /// What an instruction comes to: `step` is empty when it is done (only the configuration changed) or must wait.
    struct Planned {
        Outcome outcome = Outcome::done;
        std::optional<LayerStep> step;
    };
    Result<Planned> plan(const Way& way, const Instruction& instruction);
    Result<Outcome> finish_layer(const Way& way, const Instruction& instruction, LayerStep step);
    Result<void> make_layer(const Way& way, const Instruction& instruction, LayerStep& step);
    /// Tells of a step that was done and failed; its state is kept for a look inside.
    Error report_failure(const Way& way, const Instruction& instruction, const LayerStep& step, int number, Error error, image::Staging staging);
    /// Tells of an instruction that cannot even be begun.
    Error report_refusal(const Way& way, const std::string& text, int first_line, int last_line, Error error);
    void take_layer(CachedLayer made, const LayerStep& step);
    std::string step_name(const std::string& text) const;

    Session& session_;
    std::size_t stage_;
    Siblings siblings_;
    std::vector<Instruction> instructions_;
    StageState state_;
    std::size_t next_ = 0;
    bool has_started_ = false;
    bool has_told_failure_ = false;
    int step_ = 0;   ///< counted steps so far: FROM of an image, RUN, COPY, ADD, WORKDIR
    int steps_ = 0;  ///< all of them
};

}  // namespace berth::builder
