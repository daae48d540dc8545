#pragma once
// Inputs without end, the same in every run: what a parser makes of them is compared with an oracle that is written for
// clearness. BERTH_FUZZ=N tries N times as many with other seeds.

#include <cstdlib>
#include <random>
#include <string>
#include <string_view>

namespace berth::fuzz {

class Random {
public:
    explicit Random(unsigned seed) : engine_(seed) {}
    /// 0…below-1.
    unsigned below(unsigned below) { return static_cast<unsigned>(engine_() % below); }
    bool one_in(unsigned many) { return below(many) == 0; }
    template <class List>
    auto pick(const List& list) { return list[below(static_cast<unsigned>(std::size(list)))]; }

private:
    std::mt19937 engine_;
};

/// How often a test repeats its `rounds` inputs; the seeds go on from one to the next.
inline unsigned repetitions() {
    const char* wanted = std::getenv("BERTH_FUZZ");
    const int times = wanted == nullptr ? 1 : std::atoi(wanted);
    return times < 1 ? 1u : static_cast<unsigned>(times);
}

/// Changes, takes away, doubles or adds a character or a few.
template <class Text>
void mutate(Text& text, Random& random, std::string_view alphabet) {
    for (unsigned changes = 1 + random.below(3); changes > 0; --changes) {
        const std::size_t at = random.below(static_cast<unsigned>(text.size()) + 1);
        const auto letter = static_cast<typename Text::value_type>(random.pick(alphabet));
        const auto place = text.begin() + static_cast<std::ptrdiff_t>(at);
        if (at == text.size() || random.one_in(3)) text.insert(place, letter);
        else if (random.one_in(2)) *place = letter;
        else text.erase(place);
    }
}

}  // namespace berth::fuzz
