#pragma once
// Session: what every command works with. It opens the engine when a command first asks for it, prints results to stdout
// and failures to stderr, and knows how several arguments are worked off.

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "cli/parser.h"
#include "container/engine.h"

namespace berth::cli {

class Session {
public:
    explicit Session(container::Paths paths) : paths_(std::move(paths)) {}

    Result<container::Engine*> engine();
    Result<image::Store*> images();
    Result<network::Networks*> networks();
    Result<container::Volumes*> volumes();
    Result<container::Record> find(const std::string& container);
    const container::Paths& paths() const { return paths_; }

    /// "berth: web: no such container" and its hint, on stderr.
    static void print_error(const Error& error);
    /// Does `work` for each argument in order; a failure is printed and the others go on. 1 when any failed, else 0.
    static int for_each(const Words& arguments, const std::function<Result<void>(const std::string&)>& work);
    /// As for_each over containers that are looked up first; the argument is printed when the work was done.
    Result<int> for_each_container(const Words& arguments,
                                   const std::function<Result<void>(container::Engine&, container::Record&)>& work);

private:
    container::Paths paths_;
    std::optional<container::Engine> engine_;
};

/// To stdout, all of it. A reader that went away ends the command by SIGPIPE, as a pipe's writer should end. What print and
/// tell write may hold names, labels and errors that an image or a container chose: on a terminal control characters show as
/// "\x1b".
void print(std::string_view text);
void print_line(std::string_view text);
/// To stderr, for people.
void tell(std::string_view text);
/// As it is: what a container itself writes, and what berth draws.
void pass_on(int descriptor, std::string_view bytes);
bool is_terminal(int descriptor);

/// Runs a command: the words that are no options are passed in. The result is the exit status.
using Action = std::function<Result<int>(Session& session, const Words& arguments)>;

}  // namespace berth::cli
