#include "container/names.h"

#include <sys/random.h>

#include "base/cat.h"
#include "base/result.h"

namespace berth::container {

namespace {

constexpr std::string_view adjectives[] = {
    "able",    "amber",   "azure",  "blithe",  "bold",    "brave",   "bright", "brisk",  "broad",   "calm",   "clear",
    "clever",  "coral",   "crisp",  "daring",  "deep",    "eager",   "early",  "easy",   "fair",    "fast",   "fine",
    "firm",    "fleet",   "fresh",  "gentle",  "glad",    "golden",  "grand",  "green",  "happy",   "hardy",  "hazel",
    "jolly",   "keen",    "kind",   "light",   "lively",  "long",    "loyal",  "lucky",  "mellow",  "merry",  "mighty",
    "mild",    "misty",   "neat",   "nimble",  "noble",   "opal",    "patient", "placid", "plucky", "polite", "proud",
    "pure",    "quick",   "quiet",  "rapid",   "ready",   "rosy",    "salty",  "serene", "sharp",   "silent", "silver",
    "sleek",   "smooth",  "snug",   "solid",   "sound",   "steady",  "stout",  "strong", "sturdy",  "sunny",  "swift",
    "tidal",   "tidy",    "trim",   "true",    "trusty",  "upbeat",  "vast",   "vivid",  "warm",    "wise",   "witty",
    "young",   "zesty",
};
constexpr std::string_view nouns[] = {
    "anchor",   "bay",      "beacon",  "bell",    "boatswain", "bollard", "boom",    "bow",     "breeze",   "brig",
    "buoy",     "cabin",    "canal",   "capstan", "caravel",   "clipper", "coast",   "compass", "coracle",  "cove",
    "crane",    "current",  "cutter",  "deck",    "dinghy",    "dock",    "dolphin", "ferry",   "fjord",    "fleet",
    "foam",     "galley",   "gangway", "gannet",  "gull",      "gunwale", "halyard", "harbour", "haven",    "hawser",
    "heron",    "hull",     "island",  "jetty",   "jib",       "junk",    "keel",    "ketch",   "lagoon",   "lantern",
    "lighter",  "log",      "lugger",  "mainsail", "marina",   "mast",    "moor",    "oar",     "ocean",    "osprey",
    "outrigger", "packet",  "pelican", "petrel",  "pier",      "pilot",   "plank",   "porpoise", "port",    "prow",
    "quay",     "reef",     "rigger",  "rope",    "rudder",    "sail",    "schooner", "seal",   "sextant",  "shoal",
    "shore",    "skiff",    "sloop",   "sound",   "spar",      "starboard", "stern", "strait",  "tern",     "tide",
    "tiller",   "topsail",  "trawler", "tug",     "voyage",    "wake",    "wave",    "wharf",   "windlass", "yawl",
};

template <std::size_t Size>
std::string_view pick(const std::string_view (&words)[Size]) {
    unsigned random = 0;
    if (::getrandom(&random, sizeof random, 0) != sizeof random) bug("getrandom");
    return words[random % Size];
}

}  // namespace

std::string make_container_name() { return cat(pick(adjectives), '_', pick(nouns)); }

}  // namespace berth::container
