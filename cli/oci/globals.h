#pragma once
// berth-oci's global options, which are runc's, and where what it has to say goes.

#include <string>

#include "base/result.h"
#include "cli/parser.h"

namespace berth::cli {

struct OciGlobals {
    std::string root;
    bool root_given = false;
    std::string log_path;
    std::string log_format = "text";
    bool debug = false;
    bool systemd_cgroup = false;
    std::string program = "berth-oci";  ///< the name it was called by
};

/// What callers match on: logrus' text and JSON lines. Without --log everything goes to stderr as text.
class OciLog {
public:
    explicit OciLog(const OciGlobals& globals) : globals_(globals) {}
    /// The failure of the command: into the log, and plain to stderr when the log is a file.
    void failure(const Error& error) const;
    /// The program could not be executed, in its own words and without ours, as if it had said so itself (runc).
    void program_failure(const Error& error) const;
    void warning(const std::string& text) const { line("warning", text); }
    void debug(const std::string& text) const {
        if (globals_.debug) line("debug", text);
    }

private:
    void line(const char* level, const std::string& text) const;
    const OciGlobals& globals_;
};

/// What every command gets.
struct OciCall {
    const OciGlobals& globals;
    const OciLog& log;
    const Words& words;  ///< behind the command's name
};

/// The options that are not hidden, a line each.
std::string oci_options_text(const Parser& parser);
/// Reads one command's options: runc's usage text on --help, a complaint when the number of arguments is wrong.
/// Returns nothing when help was printed.
Result<std::optional<Words>> read_words(const Parser& parser, const OciCall& call, const std::string& name);

}  // namespace berth::cli
