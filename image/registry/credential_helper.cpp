#include "image/registry/credential_helper.h"

#include <csignal>
#include <cstdlib>

#include <unistd.h>

#include "base/file.h"
#include "base/json.h"
#include "base/process.h"

namespace berth::image {
namespace {

/// A helper may end without having read its input: that is no signal to us.
void write_input(const Fd& to, const std::string& text) {
    sigset_t pipe, before;
    ::sigemptyset(&pipe);
    ::sigaddset(&pipe, SIGPIPE);
    ::pthread_sigmask(SIG_BLOCK, &pipe, &before);
    const Result<void> written = sys::write_all(to, text);
    const timespec at_once{};
    if (!written.ok()) ::sigtimedwait(&pipe, nullptr, &at_once);
    ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

std::string first_line(std::string_view text) {
    while (text.ends_with('\n') || text.ends_with('\r')) text.remove_suffix(1);
    return std::string(text.substr(0, text.find('\n')));
}

}  // namespace

Result<CredentialHelper::Answer> CredentialHelper::run(const std::string& verb, const std::string& input) const {
    const char* folders = std::getenv("PATH");
    const bool has_name = name_.find('/') == name_.npos && folders != nullptr;
    const std::string path = has_name ? find_program(folders, program()) : "";
    if (path.empty()) return Error(Kind::not_found, cat("credential helper ", program(), ": not found in PATH"));
    sys::Pipe in = TRY(sys::pipe()), out = TRY(sys::pipe());
    SpawnOptions options;
    options.argv = {program(), verb};
    options.descriptors = {in.read.raw(), out.write.raw(), -1};
    Child child = TRY(spawn(path, options), "credential helper ", program());
    in.read.reset();
    out.write.reset();
    write_input(in.write, input);
    in.write.reset();
    // One that waits for a person would keep us for ever.
    constexpr int patience_milliseconds = 30'000;
    if (!TRY(wait_for_end(child.pidfd(), patience_milliseconds))) {
        ignore(child.kill(Signal::of(SIGKILL)), "it ended just now");
        ignore(child.wait(), "killed");
        return Error(Kind::busy, cat("credential helper ", program(), ": no answer within 30 s"));
    }
    std::string text = TRY(read_all(out.read, 1u << 20));
    const ExitStatus status = TRY(child.wait());
    return Answer{status.shell_code() == 0, std::move(text)};
}

Error CredentialHelper::refused(const Answer& answer) const {
    const std::string said = first_line(answer.text);
    return Error(Kind::denied, cat("credential helper ", program(), ": ", said.empty() ? "failed without a word" : said));
}

Result<std::optional<Credentials>> CredentialHelper::find(const std::string& key) const {
    const Answer answer = TRY(run("get", key));
    // The words are part of the protocol: credentials.errCredentialsNotFoundMessage.
    if (!answer.is_good && (answer.text.empty() || answer.text.find("credentials not found") != answer.text.npos)) return std::optional<Credentials>();
    if (!answer.is_good) return refused(answer);
    const Json account = TRY(parse_json(answer.text), "credential helper ", program());
    const Json* user = account.find("Username");
    const Json* secret = account.find("Secret");
    if (user == nullptr || user->string() == nullptr || secret == nullptr || secret->string() == nullptr)
        return Error(Kind::invalid, cat("credential helper ", program(), ": answer without Username and Secret"));
    if (*user->string() == "<token>") return std::optional(Credentials{"", "", *secret->string()});
    return std::optional(Credentials{*user->string(), *secret->string(), ""});
}

Result<void> CredentialHelper::store(const std::string& key, const Credentials& credentials) const {
    const bool is_token = !credentials.identity_token.empty();
    Json account;
    account.set("ServerURL", key);
    account.set("Username", is_token ? "<token>" : credentials.user);
    account.set("Secret", is_token ? credentials.identity_token : credentials.password);
    const Answer answer = TRY(run("store", json_text(account)));
    return answer.is_good ? Result<void>() : refused(answer);
}

Result<void> CredentialHelper::erase(const std::string& key) const {
    const Answer answer = TRY(run("erase", key));
    return answer.is_good ? Result<void>() : refused(answer);
}

}  // namespace berth::image
