// Talks to berth-registry: one JSON request on its standard input, one JSON object a line on its standard output, the last of
// which is {"done": …} or {"error": …}.

#include "image/registry.h"

#include "base/helper.h"
#include "base/process.h"
#include "image/registry/credentials.h"

namespace berth::image {
namespace {

struct Failure {
    std::string kind;
    std::string text;
    std::string hint;
};
template <class Io>
void fields(Io& io, Failure& f) {
    io.optional("kind", f.kind);
    io.required("text", f.text);
    io.optional("hint", f.hint);
}

/// The kinds that callers tell apart.
Error error_of(const Failure& failure) {
    constexpr std::pair<std::string_view, Kind> kinds[] = {
        {"invalid", Kind::invalid}, {"not_found", Kind::not_found},     {"denied", Kind::denied},
        {"corrupt", Kind::corrupt}, {"unsupported", Kind::unsupported}, {"wrong_state", Kind::wrong_state}};
    Kind kind = Kind::system;
    for (const auto& [word, value] : kinds)
        if (failure.kind == word) kind = value;
    return Error(kind, failure.text).with_hint(failure.hint);
}

/// Lines of a descriptor.
class Lines {
public:
    explicit Lines(const Fd& from) : from_(from) {}
    Result<std::optional<std::string>> next() {
        constexpr std::size_t longest = 16u << 20;
        while (true) {
            if (const std::size_t newline = held_.find('\n'); newline != held_.npos) {
                std::string line = held_.substr(0, newline);
                held_.erase(0, newline + 1);
                return std::optional(std::move(line));
            }
            if (held_.size() > longest) return Error(Kind::internal, "berth-registry sent a line without end");
            const std::size_t size = held_.size();
            held_.resize(size + (64u << 10));
            const std::size_t got = TRY(sys::read(from_, std::span(held_).subspan(size)));
            held_.resize(size + got);
            if (got == 0) return std::optional<std::string>();
        }
    }

private:
    const Fd& from_;
    std::string held_;
};

Result<Json> converse(const Fd& answers, const TransferProgress& progress) {
    Lines lines(answers);
    while (true) {
        const std::optional<std::string> line = TRY(lines.next());
        if (!line) return Error(Kind::internal, "berth-registry ended without an answer");
        const Json message = TRY(parse_json(*line), "berth-registry");
        if (const Json* done = message.find("done")) return *done;
        if (const Json* error = message.find("error")) return error_of(TRY(from_json<Failure>(*error)));
        if (progress) progress(TRY(from_json<TransferEvent>(message), "berth-registry"));
    }
}

Result<Json> ask(const Store& store, std::string_view operation, Json request, const RegistryAccess& access, const TransferProgress& progress) {
    request.set("operation", operation);
    request.set("root", store.root());
    request.set("access", to_json(access));
    sys::Pipe in = TRY(sys::pipe()), out = TRY(sys::pipe());
    SpawnOptions options;
    options.argv = {"berth-registry"};
    options.descriptors = {in.read.raw(), out.write.raw(), 2};
    const std::string path = helper_path("berth-registry");
    Child child = TRY(spawn(path, options), "start ", path);
    in.read.reset();
    out.write.reset();
    // A request fits a pipe many times, so that writing it cannot wait for its reader.
    Result<void> sent = sys::write_all(in.write, json_text(request));
    in.write.reset();
    Result<Json> answer = sent.ok() ? converse(out.read, progress) : Result<Json>(std::move(sent).error());
    out.read.reset();
    const ExitStatus status = TRY(child.wait());
    if (!answer.ok() && answer.error().kind() == Kind::internal && status.signal != 0)
        return Error(Kind::internal, cat("berth-registry was killed by ", Signal::of(status.signal).name()));
    return answer;
}

Json named(const Reference& name) {
    Json request;
    request.set("name", name.full());
    return request;
}

}  // namespace

Result<Pulled> pull_image(const Store& store, const PullRequest& request, const TransferProgress& progress) {
    Json json = named(request.name.with_default_tag());
    if (request.platform) json.set("platform", to_json(*request.platform));
    const Json answer = TRY(ask(store, "pull", std::move(json), request.access, progress));
    return from_json<Pulled>(answer);
}

Result<std::vector<std::string>> list_remote_tags(const Store& store, const Reference& name, const RegistryAccess& access) {
    const Json answer = TRY(ask(store, "tags", named(name), access, {}));
    return from_json<std::vector<std::string>>(answer);
}

Result<Pushed> push_image(const Store& store, const Reference& name, const RegistryAccess& access, const TransferProgress& progress) {
    const Json answer = TRY(ask(store, "push", named(name.with_default_tag()), access, progress));
    return from_json<Pushed>(answer);
}

Result<std::string> inspect_remote(const Store& store, const Reference& name, const RegistryAccess& access) {
    const Json answer = TRY(ask(store, "manifest", named(name.with_default_tag()), access, {}));
    return from_json<std::string>(answer);
}

Result<std::string> login(const Store& store, const std::string& server, const std::string& user, const std::string& password,
                          const RegistryAccess& access) {
    Json request;
    request.set("server", server);
    request.set("user", user);
    request.set("password", password);
    TRY(ask(store, "login", std::move(request), access, {}));
    return store_credentials(server, Credentials{user, password, ""}, access.auth_file);
}

Result<bool> logout(const std::string& server, const RegistryAccess& access) { return erase_credentials(server, access.auth_file); }

Result<std::vector<SearchRow>> search_images(const Store& store, const std::string& term, std::int64_t limit, const RegistryAccess& access) {
    Json request;
    request.set("term", term);
    request.set("limit", limit);
    const Json answer = TRY(ask(store, "search", std::move(request), access, {}));
    return from_json<std::vector<SearchRow>>(answer);
}

}  // namespace berth::image
