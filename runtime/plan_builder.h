#pragma once
// PlanBuilder: owns what a plan points to. The parent keeps it until the child has executed or died; the child has its
// copy of the whole (a clone without CLONE_VM), so plain pointers serve both.

#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "runtime/plan.h"

namespace berth::runtime {

class PlanBuilder {
public:
    PlanBuilder() = default;
    PlanBuilder(PlanBuilder&&) noexcept = default;
    PlanBuilder& operator=(PlanBuilder&&) noexcept = default;

    Step& add(Step step) { return steps_.emplace_back(step); }
    const char* keep(std::string text) { return strings_.emplace_back(std::move(text)).c_str(); }
    /// The bytes of a plain array, aligned for anything.
    template <class T>
    const T* keep_array(const std::vector<T>& values) {
        auto& block = blocks_.emplace_back(new std::max_align_t[values.size() * sizeof(T) / sizeof(std::max_align_t) + 1]);
        T* out = static_cast<T*>(static_cast<void*>(block.get()));
        for (std::size_t i = 0; i < values.size(); ++i) out[i] = values[i];
        return out;
    }
    template <class T>
    const T* keep_one(const T& value) {
        return keep_array(std::vector<T>{value});
    }
    /// A list of strings with the nullptr that execve(2) wants behind it.
    const char* const* keep_strings(const std::vector<std::string>& strings);

    const std::vector<Step>& steps() const { return steps_; }
    /// Filled in by whoever makes the plan; steps are taken from here.
    Plan& plan() { return plan_; }
    const Plan& finish() {
        plan_.steps = steps_.data();
        plan_.step_count = static_cast<std::uint32_t>(steps_.size());
        return plan_;
    }

private:
    std::deque<std::string> strings_;  // A deque: what is handed out must not move.
    std::deque<std::unique_ptr<std::max_align_t[]>> blocks_;
    std::vector<Step> steps_;
    Plan plan_{};
};

/// "mount proc on /proc", "enter cgroup memory": what a failed step was about.
std::string describe(const Step& step);

}  // namespace berth::runtime
