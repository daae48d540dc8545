#include "builder/stage_runner.h"

#include <algorithm>

#include "builder/failed_step.h"
#include "builder/step_cache.h"
#include "builder/text.h"
#include "builder/times.h"

namespace berth::builder {
namespace {

bool makes_layer(const Instruction& instruction) {
    return std::holds_alternative<Run>(instruction.what) || std::holds_alternative<Copy>(instruction.what) ||
           std::holds_alternative<Workdir>(instruction.what);
}

}  // namespace

StageRunner::StageRunner(Session& session, std::size_t stage, Siblings siblings)
    : session_(session), stage_(stage), siblings_(std::move(siblings)), instructions_(session.instructions_of(stage)) {
    const Stage& self = session.plan.stages[stage];
    const bool starts_with_image = !self.parent && self.base != "scratch";
    steps_ = static_cast<int>(std::count_if(instructions_.begin(), instructions_.end(), makes_layer)) + (starts_with_image ? 1 : 0);
}

std::string StageRunner::step_name(const std::string& text) const { return step_prefix(session_.plan, stage_, step_, steps_) + text; }

Result<StageRunner::Outcome> StageRunner::walk_cache(Reporter& reporter) { return run({reporter, false, nullptr, nullptr}); }

Result<void> StageRunner::work(Reporter& reporter, const Fd& output, const Fd& error_output) {
    TRY(run({reporter, true, &output, &error_output}));
    return {};
}

Result<StageRunner::Outcome> StageRunner::run(const Way& way) {
    if (!has_started_) {
        const Stage& self = session_.plan.stages[stage_];
        auto outcome = start(way);
        if (!outcome.ok()) return report_refusal(way, cat("FROM ", self.base), self.line, self.line, std::move(outcome).error());
        if (outcome.value() == Outcome::stopped) return outcome;
        has_started_ = true;
    }
    for (; next_ < instructions_.size(); ++next_) {
        const Instruction& instruction = instructions_[next_];
        auto outcome = visit(way, instruction);
        if (!outcome.ok()) return report_refusal(way, instruction.text, instruction.first_line, instruction.last_line, std::move(outcome).error());
        if (outcome.value() == Outcome::stopped) return outcome;
    }
    return Outcome::done;
}

Result<StageRunner::Outcome> StageRunner::start(const Way& way) {
    const Stage& self = session_.plan.stages[stage_];
    if (self.parent) {
        const StageState* parent = TRY(siblings_(*self.parent));
        if (parent == nullptr) return Outcome::stopped;
        state_ = start_from_stage(*parent);
        return Outcome::done;
    }
    if (self.base == "scratch") {
        state_ = start_from_scratch(session_.platform);
        return Outcome::done;
    }
    if (session_.folders.count(to_lower(self.base)) != 0) return start_from_folder(way);
    const image::ImageId id = TRY(resolve_image(session_, self.base), session_.file.name, ':', self.line, ": FROM ", self.base);
    image::Image base = TRY(session_.store.load(id));
    std::vector<image::LayerRef> layers = TRY(session_.store.layers_of(base.record));
    state_ = start_from_image(std::move(base.config), std::move(layers));
    ++step_;
    way.reporter.cached(step_name(cat("FROM ", self.base)), self.line, self.line);
    return Outcome::done;
}

Result<StageRunner::Outcome> StageRunner::start_from_folder(const Way& way) {
    const Stage& self = session_.plan.stages[stage_];
    state_ = start_from_scratch(session_.platform);
    const StepContext inputs{session_, state_, stage_, siblings_, way.output, way.error_output};
    LayerStep step = TRY(plan_folder_base(inputs, self.base), session_.file.name, ':', self.line);
    const Instruction from{self.from, cat("FROM ", self.base), self.line, self.line};
    return finish_layer(way, from, std::move(step));
}

Result<StageRunner::Outcome> StageRunner::visit(const Way& way, const Instruction& written) {
    auto planned = TRY(plan(way, written), session_.file.name, ':', written.first_line);
    if (!planned.step) return planned.outcome;
    return finish_layer(way, written, std::move(*planned.step));
}

Result<StageRunner::Planned> StageRunner::plan(const Way& way, const Instruction& written) {
    const StateContext context = session_.state_context();
    const Instruction instruction = TRY(expand_instruction(written, state_, context));
    const bool is_metadata = TRY(apply_metadata(state_, instruction, context));
    if (is_metadata) return Planned{};

    const StepContext inputs{session_, state_, stage_, siblings_, way.output, way.error_output};
    if (const Workdir* workdir = std::get_if<Workdir>(&instruction.what)) {
        const std::string path = next_working_dir(state_, workdir->path);
        // Planning leaves the state as it is: whoever makes the layer may be another process, which plans again.
        if (path != "/") return Planned{Outcome::done, plan_workdir(inputs, path)};
        state_.image.config.working_dir = path;
        add_history(state_, context, "WORKDIR /", false);
        ++step_;
        return Planned{};
    }
    Planned planned{Outcome::stopped, {}};
    if (const Copy* copy = std::get_if<Copy>(&instruction.what)) planned.step = TRY(plan_copy(inputs, *copy));
    else planned.step = TRY(plan_run(inputs, std::get<Run>(instruction.what)));
    return planned;
}

Result<StageRunner::Outcome> StageRunner::finish_layer(const Way& way, const Instruction& instruction, LayerStep step) {
    if (!session_.is_uncached(session_.plan.stages[stage_])) {
        auto found = TRY(find_layer(session_, step.key, state_.layers));
        if (found) {
            ++step_;
            way.reporter.cached(step_name(instruction.text), instruction.first_line, instruction.last_line);
            take_layer({std::move(found->layer), found->created}, step);
            return Outcome::done;
        }
    }
    if (!way.does_work) return Outcome::stopped;
    ++step_;
    TRY(make_layer(way, instruction, step));
    return Outcome::done;
}

Result<void> StageRunner::make_layer(const Way& way, const Instruction& instruction, LayerStep& step) {
    const int number = way.reporter.started(step_name(instruction.text), instruction.first_line, instruction.last_line);
    image::Staging staging = TRY(session_.store.make_staging());
    auto done = step.make(staging, number);
    if (done.ok() && session_.epoch) done = clamp_times(staging.fs(), *session_.epoch);
    if (!done.ok()) return report_failure(way, instruction, step, number, std::move(done).error(), std::move(staging));
    image::LayerRef layer = TRY(session_.store.publish_layer(session_.lease, std::move(staging)));
    CachedLayer made{std::move(layer), session_.epoch.value_or(now())};
    TRY(keep_layer(session_, step.key, made, instruction.text));
    take_layer(std::move(made), step);
    way.reporter.done(number);
    return {};
}

Error StageRunner::report_failure(const Way& way, const Instruction& instruction, const LayerStep& step, int number, Error error, image::Staging staging) {
    StepFailure failure;
    failure.text = error.text();
    failure.excerpt = make_excerpt(session_.file, instruction.first_line, instruction.last_line);
    failure.exit_code = *step.exit_code;
    auto kept = keep_failed_step(session_, {state_, instruction.text, step.volumes}, std::move(staging));
    if (kept.ok()) failure.shell = cat("berth builder shell ", kept.value());
    way.reporter.failed(number, failure);
    has_told_failure_ = true;
    return std::move(error).context(session_.file.name, ':', instruction.first_line);
}

Error StageRunner::report_refusal(const Way& way, const std::string& text, int first_line, int last_line, Error error) {
    if (has_told_failure_) return error;
    has_told_failure_ = true;
    StepFailure failure;
    failure.text = error.text();
    failure.excerpt = make_excerpt(session_.file, first_line, last_line);
    way.reporter.failed(way.reporter.started(text, first_line, last_line), failure);
    return error;
}

void StageRunner::take_layer(CachedLayer made, const LayerStep& step) {
    state_.layers.push_back(std::move(made.layer));
    state_.time = made.created;
    state_.step_keys.emplace_back(step.key.hex());
    if (step.working_dir) state_.image.config.working_dir = *step.working_dir;
    add_history(state_, session_.state_context(), step.history, true);
}

}  // namespace berth::builder
