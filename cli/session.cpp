#include "cli/session.h"

#include <poll.h>
#include <unistd.h>

#include "base/log.h"
#include "base/sys.h"
#include "base/visible.h"

namespace berth::cli {
namespace {

void wait_writable(int descriptor) {
    pollfd polled{descriptor, POLLOUT, 0};
    ::poll(&polled, 1, -1);
}

void write_out(int descriptor, std::string_view text) {
    while (!text.empty()) {
        const ssize_t n = ::write(descriptor, text.data(), text.size());
        if (n > 0)
            text.remove_prefix(static_cast<std::size_t>(n));
        else if (errno == EAGAIN)
            wait_writable(descriptor);
        else if (errno != EINTR)
            return;
    }
}

// A file or a program gets what is there, and scripts compare it.
void show(int descriptor, std::string_view text) {
    if (is_terminal(descriptor)) write_out(descriptor, visible_text(text));
    else write_out(descriptor, text);
}

}  // namespace

void print(std::string_view text) { show(STDOUT_FILENO, text); }
void print_line(std::string_view text) { print(cat(text, "\n")); }
void tell(std::string_view text) { show(STDERR_FILENO, text); }
void pass_on(int descriptor, std::string_view bytes) { write_out(descriptor, bytes); }
bool is_terminal(int descriptor) { return ::isatty(descriptor) == 1; }

Result<container::Engine*> Session::engine() {
    if (!engine_) engine_ = TRY(container::Engine::open(paths_));
    return &*engine_;
}

Result<image::Store*> Session::images() {
    container::Engine* engine = TRY(this->engine());
    return engine->images();
}
Result<network::Networks*> Session::networks() {
    container::Engine* engine = TRY(this->engine());
    return engine->networks();
}
Result<container::Volumes*> Session::volumes() {
    container::Engine* engine = TRY(this->engine());
    return engine->volumes();
}
Result<container::Record> Session::find(const std::string& container) {
    container::Engine* engine = TRY(this->engine());
    return container::find(*engine, container);
}

void Session::print_error(const Error& error) {
    std::string text = cat("berth: ", error.text(), "\n");
    if (!error.hint().empty()) text += cat("hint: ", error.hint(), "\n");
    if (log::debug_wanted()) text += cat("berth: debug: raised at ", error.where().file_name(), ":", error.where().line(), "\n");
    tell(text);
}

int Session::for_each(const Words& arguments, const std::function<Result<void>(const std::string&)>& work) {
    int status = 0;
    for (const std::string& argument : arguments)
        if (auto done = work(argument); !done.ok()) {
            print_error(done.error());
            status = 1;
        }
    return status;
}

Result<int> Session::for_each_container(const Words& arguments,
                                        const std::function<Result<void>(container::Engine&, container::Record&)>& work) {
    container::Engine* engine = TRY(this->engine());
    return for_each(arguments, [&](const std::string& argument) -> Result<void> {
        container::Record record = TRY(container::find(*engine, argument));
        TRY(work(*engine, record));
        print_line(argument);
        return {};
    });
}

}  // namespace berth::cli
