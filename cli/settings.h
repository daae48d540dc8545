#pragma once
// Configuration: TOML files whose tables are commands and whose keys are long options. What stands there is as if it were
// typed before the rest of the command line, so that every option has a default of the machine's and one of the user's:
//
//   [berth]             [run]                                  [build]
//   root = "/srv/berth"  init = true                            progress = "plain"
//                        log-opt = ["max-size=50m"]
//
// Read in this order, later ones win: /etc/berth/berth.toml, /etc/berth/berth.toml.d/*.toml,
// $XDG_CONFIG_HOME/berth/berth.toml (~/.config). BERTH_CONFIG names one file to read instead of all of them.
// A file that is not there costs one system call.

#include <string>
#include <vector>

#include "cli/parser.h"

namespace berth::cli {

struct Setting {
    std::string section;  ///< "berth", or a command with '-' for spaces: "run", "image-prune"
    std::string key;      ///< long option
    Words values;
    std::string origin;  ///< "/etc/berth/berth.toml:3"
};

class Settings {
public:
    static Result<Settings> load();
    /// One file's text.
    static Result<Settings> parse(const std::string& path, std::string_view text);

    /// Sets the options of the section; an unknown one is an error with its origin and the nearest.
    Result<void> apply(std::string_view command, const Parser& parser) const;
    /// In the order in which they were read.
    const std::vector<Setting>& all() const { return all_; }
    /// The files that are looked for, and whether each was there.
    const std::vector<std::pair<std::string, bool>>& files() const { return files_; }

private:
    std::vector<Setting> all_;
    std::vector<std::pair<std::string, bool>> files_;
};

}  // namespace berth::cli
