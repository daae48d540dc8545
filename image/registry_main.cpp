// berth-registry: everything that needs a registry. One request as JSON on standard input; progress, and at last the result,
// as JSON lines on standard output (registry.cpp is the other end). A program of its own, so that HTTP, TLS and their
// libraries cost berth's start nothing.

#include <csignal>

#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "image/registry/transfer.h"

namespace berth::image {
namespace {

struct Request {
    std::string operation;
    std::string root;
    RegistryAccess access;
    std::string name;
    std::optional<Platform> platform;
    std::string server;
    std::string user;
    std::string password;
    std::string term;
    std::int64_t limit = 25;
};
template <class Io>
void fields(Io& io, Request& r) {
    io.required("operation", r.operation);
    io.required("root", r.root);
    io.optional("access", r.access);
    io.optional("name", r.name);
    io.optional("platform", r.platform);
    io.optional("server", r.server);
    io.optional("user", r.user);
    io.optional("password", r.password);
    io.optional("term", r.term);
    io.optional("limit", r.limit);
}

void say(const Json& message) {
    const Fd out(STDOUT_FILENO);
    const Result<void> said = sys::write_all(out, json_text(message) + "\n");
    // Nobody listens any more: the command was ended.
    if (!said.ok()) ::_exit(1);
    // The number is not ours to close.
    const_cast<Fd&>(out).release();
}

std::string_view word_of(Kind kind) {
    switch (kind) {
        case Kind::invalid: return "invalid";
        case Kind::not_found: return "not_found";
        case Kind::denied: return "denied";
        case Kind::corrupt: return "corrupt";
        case Kind::unsupported: return "unsupported";
        case Kind::wrong_state: return "wrong_state";
        default: return "system";
    }
}

Result<Json> work(const Request& request) {
    Reporter reporter([](const TransferEvent& event) { say(to_json(event)); });
    if (request.operation == "login") {
        TRY(try_login(request.server, Credentials{request.user, request.password, ""}, request.access));
        return Json(true);
    }
    if (request.operation == "search") return to_json(TRY(search(request.term, request.limit, request.access)));
    const Reference name = TRY(Reference::parse(request.name));
    if (request.operation == "tags") return to_json(TRY(remote_tags(name, request.access)));
    if (request.operation == "manifest") return Json(TRY(remote_manifest(name, request.access)));
    const Store store = TRY(Store::open(request.root));
    if (request.operation == "pull")
        return to_json(TRY(pull(store, name.with_default_tag(), request.platform.value_or(host_platform()), request.access, reporter)));
    if (request.operation == "push") return to_json(TRY(push(store, name.with_default_tag(), request.access, reporter)));
    return Error(Kind::internal, cat("unknown operation '", request.operation, "'"));
}

}  // namespace

Result<Json> answer_standard_input() {
    Fd in(STDIN_FILENO);
    const std::string text = TRY(read_all(in, 1u << 20));
    const Json document = TRY(parse_json(text), "request");
    const Request request = TRY(from_json<Request>(document), "request");
    return work(request);
}

void say_answer(const Result<Json>& answer) {
    Json message;
    if (answer.ok()) {
        message.set("done", answer.value());
    } else {
        Json error;
        error.set("kind", word_of(answer.error().kind()));
        error.set("text", answer.error().text());
        error.set("hint", answer.error().hint());
        message.set("error", std::move(error));
    }
    say(message);
}

}  // namespace berth::image

int main() {
    std::signal(SIGPIPE, SIG_IGN);
    // Several layers are unpacked at once, and each file gets exactly the mode it is made with.
    ::umask(0);
    const berth::Result<berth::Json> answer = berth::image::answer_standard_input();
    berth::image::say_answer(answer);
    return answer.ok() ? 0 : 1;
}
